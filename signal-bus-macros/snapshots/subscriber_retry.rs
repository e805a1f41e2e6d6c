// #[subscriber("rows", timeout = "5s", retry(
//     attempts = 3, base = "1s", factor = 1.5, cap = "10s", jitter = none, budget = LIMIT, panics, timeouts
// ))]
// #[subscriber("lines", retry)]
// async fn store(row: &Row) -> anyhow::Result<()> { insert(row).await }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn store(row: &Row) -> anyhow::Result<()> {
    insert(row).await
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
struct store {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for store {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "store",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [
                        __p::literal(__p::Probe::<Row>::NEW.peel_param(), "lines"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::literal(
                                            __p::Probe::<Row>::NEW.peel_param(),
                                            "lines",
                                        );
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let __out = store(&*__signal.lend::<Row, _>()).await;
                                                __p::outcome::<anyhow::Result<()>>(__out)
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .retry(__p::Retry::new())
                            .codec(__p::codec(__topics[0]).owned().codec()),
                    );
                }
                {
                    let __topics = [
                        __p::literal(__p::Probe::<Row>::NEW.peel_param(), "rows"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::literal(
                                            __p::Probe::<Row>::NEW.peel_param(),
                                            "rows",
                                        );
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let __out = store(&*__signal.lend::<Row, _>()).await;
                                                __p::outcome::<anyhow::Result<()>>(__out)
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .timeout(__p::Duration::new(5u64, 0u32))
                            .retry(
                                __p::Retry::new()
                                    .attempts(3)
                                    .factor(1.5)
                                    .base(__p::Duration::new(1u64, 0u32))
                                    .cap(__p::Duration::new(10u64, 0u32))
                                    .budget(LIMIT)
                                    .jitter(__p::Jitter::None)
                                    .panics()
                                    .timeouts(),
                            )
                            .codec(__p::codec(__topics[0]).owned().codec()),
                    );
                }
            },
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
        &__REGISTRATION
    }
}
