// #[subscriber("in")] #[publisher("out")]
// async fn stage(x: In) -> anyhow::Result<Option<Out>> { x.next() }

#[allow(dead_code)]
async fn stage(x: In) -> anyhow::Result<Option<Out>> {
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "stage",
        ::core::module_path!(),
        ::core::file!(),
        ::core::line!(),
    );
    let __out: anyhow::Result<Option<Out>> = stage::direct(x).await;
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<anyhow::Result<Option<Out>>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "out",
                    ),
                )
                .gives(__p::Probe::<anyhow::Result<Option<Out>>>::NEW)
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
struct stage {}
#[allow(dead_code, unreachable_pub)]
impl stage {
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
    async fn direct(x: In) -> anyhow::Result<Option<Out>> {
        x.next()
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
impl ::signal_bus::private::Registered for stage {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "stage",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [
                        __p::literal(__p::Probe::<In>::NEW.peel_param(), "in"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::literal(
                                            __p::Probe::<In>::NEW.peel_param(),
                                            "in",
                                        );
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let __out = stage::direct(__signal.take::<In, _>()).await;
                                                let (__part, __outcome) = __p::on(
                                                        __p::literal(
                                                            __p::Probe::<anyhow::Result<Option<Out>>>::NEW
                                                                .peel_result()
                                                                .peel_option()
                                                                .peel_arc(),
                                                            "out",
                                                        ),
                                                    )
                                                    .gives(__p::Probe::<anyhow::Result<Option<Out>>>::NEW)
                                                    .part(__out);
                                                {
                                                    static __PUBLICATION: __p::Publication = __p::Publication::new(
                                                        __SITE,
                                                    );
                                                    let __pending = __p::on(
                                                            __p::literal(
                                                                __p::Probe::<anyhow::Result<Option<Out>>>::NEW
                                                                    .peel_result()
                                                                    .peel_option()
                                                                    .peel_arc(),
                                                                "out",
                                                            ),
                                                        )
                                                        .gives(__p::Probe::<anyhow::Result<Option<Out>>>::NEW)
                                                        .publish_part(&__PUBLICATION, &__part);
                                                    if let __p::Option::Some(__pending) = __pending {
                                                        __pending.wait().await;
                                                    }
                                                }
                                                __outcome
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .codec(__p::codec(__topics[0]).owned().codec()),
                    );
                }
                {
                    let __topic = __p::literal(
                        __p::Probe::<anyhow::Result<Option<Out>>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "out",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .codec(__p::codec(__topic).owned().codec()),
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
