// #[periodic(1.0)] #[publisher("new-data")] #[inject(url = get_url)] #[inject(secret = get_secret)]
// async fn get_data(url: String, secret: String) -> Vec<Row> { rows(url, secret).await }

#[allow(dead_code)]
async fn get_data() -> Vec<Row> {
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "get_data",
        ::core::module_path!(),
        ::core::file!(),
        ::core::line!(),
    );
    let (__injected_0, __injected_1) = match get_data::__inject().await {
        __p::Result::Ok(__values) => __values,
        __p::Result::Err(__error) => {
            use ::signal_bus::private::InjectFallback as _;
            return __p::Probe::<Vec<Row>>::NEW.inject_error(__error);
        }
    };
    let __out: Vec<Row> = get_data::direct(__injected_0, __injected_1).await;
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<Vec<Row>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "new-data",
                    ),
                )
                .gives(__p::Probe::<Vec<Row>>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.wait().await;
            }
        }
    }
    #[allow(clippy::let_and_return)] __out
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
struct get_data {}
#[allow(dead_code, unreachable_pub)]
impl get_data {
    /// The function as written: nothing is injected, and nothing is published.
    #[allow(
        clippy::too_many_arguments,
        clippy::missing_errors_doc,
        clippy::missing_panics_doc,
        clippy::must_use_candidate,
        clippy::missing_const_for_fn,
        clippy::unused_async
    )]
    #[rust_analyzer::signal_bus_expanded]
    async fn direct(url: String, secret: String) -> Vec<Row> {
        rows(url, secret).await
    }
}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for get_data {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "get_data",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        impl get_data {
            async fn __inject() -> __p::Result<(String, String), __p::InjectError> {
                __p::Result::Ok((
                    __p::by_factory::<String, _, _>(get_url, &__SITE, "url").await?,
                    __p::by_factory::<String, _, _>(get_secret, &__SITE, "secret").await?,
                ))
            }
        }
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                __d.periodic(
                    __p::Periodic::new(
                            __SITE,
                            __p::Duration::new(1u64, 0u32),
                            || __p::handler(async move {
                                let (__injected_0, __injected_1) = get_data::__inject()
                                    .await?;
                                let __out = get_data::direct(__injected_0, __injected_1)
                                    .await;
                                let (__part, __outcome) = __p::on(
                                        __p::literal(
                                            __p::Probe::<Vec<Row>>::NEW
                                                .peel_result()
                                                .peel_option()
                                                .peel_arc(),
                                            "new-data",
                                        ),
                                    )
                                    .gives(__p::Probe::<Vec<Row>>::NEW)
                                    .part(__out);
                                {
                                    static __PUBLICATION: __p::Publication = __p::Publication::new(
                                        __SITE,
                                    );
                                    let __pending = __p::on(
                                            __p::literal(
                                                __p::Probe::<Vec<Row>>::NEW
                                                    .peel_result()
                                                    .peel_option()
                                                    .peel_arc(),
                                                "new-data",
                                            ),
                                        )
                                        .gives(__p::Probe::<Vec<Row>>::NEW)
                                        .publish_part(&__PUBLICATION, &__part);
                                    if let __p::Option::Some(__pending) = __pending {
                                        __pending.wait().await;
                                    }
                                }
                                __outcome
                            }),
                        )
                        .dependencies(
                            __p::vec![
                                __p::factory_dependency(& get_url, "url"),
                                __p::factory_dependency(& get_secret, "secret")
                            ],
                        ),
                );
                {
                    let __topic = __p::literal(
                        __p::Probe::<Vec<Row>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "new-data",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
                __d.injectable(
                    __p::Injectable::new(
                        __SITE,
                        __p::function_id(&get_data),
                        __p::vec![
                            __p::factory_dependency(& get_url, "url"),
                            __p::factory_dependency(& get_secret, "secret")
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
