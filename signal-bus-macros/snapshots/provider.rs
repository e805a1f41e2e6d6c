// #[provider] async fn pool(config: &Config, name: String, #[inject(make)] x: X) -> anyhow::Result<Pool> { Pool::new(config).await }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn pool(config: &Config, name: String, x: X) -> anyhow::Result<Pool> {
    Pool::new(config).await
}
#[doc(hidden)]
#[allow(
    non_camel_case_types,
    dead_code,
    unreachable_pub,
    unnameable_types,
    missing_debug_implementations,
    missing_copy_implementations,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
struct pool {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for pool {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "pool",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                __d.provider(
                    __p::Provider::new(
                            __SITE,
                            __p::Probe::<anyhow::Result<Pool>>::NEW
                                .peel_result()
                                .provided(),
                            || __p::provide(async move {
                                let __injected_0 = __p::shared::<Config>()
                                    .get(&__SITE, "config")?;
                                let __injected_1 = __p::Wanted::<String>::NEW
                                    .peel_option()
                                    .form()
                                    .get(&__SITE, "name")?;
                                let __injected_2 = __p::by_factory::<
                                    X,
                                    _,
                                    _,
                                >(make, &__SITE, "x")
                                    .await?;
                                let __value = pool(
                                        &*__injected_0,
                                        __injected_1,
                                        __injected_2,
                                    )
                                    .await;
                                __p::build(
                                    __p::Probe::<anyhow::Result<Pool>>::NEW
                                        .peel_result()
                                        .provided(),
                                    __value,
                                )
                            }),
                        )
                        .dependencies(
                            __p::vec![
                                __p::shared:: < Config > ().dependency("config",
                                ::core::line!()), __p::Wanted:: < String > ::NEW
                                .peel_option().form().dependency("name", ::core::line!()),
                                __p::factory_dependency(& make, "x")
                            ],
                        ),
                );
            },
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
        &__REGISTRATION
    }
}
