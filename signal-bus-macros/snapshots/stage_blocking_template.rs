// #[subscriber("in", blocking)] #[publisher("out.{x}")] #[publisher("all")]
// fn stage(x: In, #[inject(factory)] y: u32) -> Out { x.next(y) }

#[allow(dead_code)]
fn stage(x: In) -> Out {
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "stage",
        ::core::module_path!(),
        ::core::file!(),
        ::core::line!(),
    );
    let (__injected_1,) = match stage::__inject() {
        __p::Result::Ok(__values) => __values,
        __p::Result::Err(__error) => {
            use ::signal_bus::private::InjectFallback as _;
            return __p::Probe::<Out>::NEW.inject_error(__error);
        }
    };
    let __filled_1 = __p::fill(&[__p::Piece::Text("out."), __p::Piece::Hole("x", &x)]);
    let __out: Out = stage::direct(x, __injected_1);
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE).at_once();
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<Out>::NEW.peel_result().peel_option().peel_arc(),
                        "all",
                    ),
                )
                .gives(__p::Probe::<Out>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.now();
            }
        }
    }
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE).at_once();
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<Out>::NEW.peel_result().peel_option().peel_arc(),
                        "out.*",
                    ),
                )
                .filled(&__filled_1)
                .gives(__p::Probe::<Out>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.now();
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
    fn direct(x: In, y: u32) -> Out {
        x.next(y)
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
        impl stage {
            fn __inject() -> __p::Result<(u32,), __p::InjectError> {
                __p::Result::Ok((
                    __p::by_factory_now::<u32, _, _>(factory, &__SITE, "y")?,
                ))
            }
        }
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
                                                let (__injected_1,) = stage::__inject()?;
                                                let __signal = __signal.whole();
                                                let __argument = __signal.take::<In, _>();
                                                let __filled_1 = __p::fill(
                                                    &[
                                                        __p::Piece::Text("out."),
                                                        __p::Piece::Hole("x", &__argument),
                                                    ],
                                                );
                                                let __out = __p::blocking(move || stage::direct(
                                                        __argument,
                                                        __injected_1,
                                                    ))
                                                    .await;
                                                let (__part, __outcome) = __p::on(
                                                        __p::literal(
                                                            __p::Probe::<Out>::NEW
                                                                .peel_result()
                                                                .peel_option()
                                                                .peel_arc(),
                                                            "all",
                                                        ),
                                                    )
                                                    .gives(__p::Probe::<Out>::NEW)
                                                    .part(__out);
                                                {
                                                    static __PUBLICATION: __p::Publication = __p::Publication::new(
                                                        __SITE,
                                                    );
                                                    let __pending = __p::on(
                                                            __p::literal(
                                                                __p::Probe::<Out>::NEW
                                                                    .peel_result()
                                                                    .peel_option()
                                                                    .peel_arc(),
                                                                "all",
                                                            ),
                                                        )
                                                        .gives(__p::Probe::<Out>::NEW)
                                                        .publish_part(&__PUBLICATION, &__part);
                                                    if let __p::Option::Some(__pending) = __pending {
                                                        __pending.wait().await;
                                                    }
                                                }
                                                {
                                                    static __PUBLICATION: __p::Publication = __p::Publication::new(
                                                        __SITE,
                                                    );
                                                    let __pending = __p::on(
                                                            __p::literal(
                                                                __p::Probe::<Out>::NEW
                                                                    .peel_result()
                                                                    .peel_option()
                                                                    .peel_arc(),
                                                                "out.*",
                                                            ),
                                                        )
                                                        .filled(&__filled_1)
                                                        .gives(__p::Probe::<Out>::NEW)
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
                            .blocking()
                            .dependencies(
                                __p::vec![__p::factory_dependency(& factory, "y")],
                            )
                            .codec(__p::codec(__topics[0]).owned().codec()),
                    );
                }
                {
                    let __topic = __p::literal(
                        __p::Probe::<Out>::NEW.peel_result().peel_option().peel_arc(),
                        "all",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
                {
                    let __topic = __p::literal(
                        __p::Probe::<Out>::NEW.peel_result().peel_option().peel_arc(),
                        "out.*",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .template("out.{x}")
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
                __d.injectable(
                    __p::Injectable::new(
                        __SITE,
                        __p::function_id(&|| ()),
                        __p::vec![__p::factory_dependency(& factory, "y")],
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
