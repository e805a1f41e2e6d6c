// #[subscriber("greeting")] #[inject(name = name)] #[instrument]
// async fn print_greeting(greeting: String, name: String) { println!("{greeting} from {name}") }

#[allow(dead_code)]
async fn print_greeting(greeting: String) {
    use ::signal_bus::private as __p;
    let (__injected_1,) = match print_greeting::__inject().await {
        __p::Result::Ok(__values) => __values,
        __p::Result::Err(__error) => {
            use ::signal_bus::private::InjectFallback as _;
            return __p::Probe::<()>::NEW.inject_error(__error);
        }
    };
    print_greeting::direct(greeting, __injected_1).await;
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
struct print_greeting {}
#[allow(dead_code, unreachable_pub)]
impl print_greeting {
    /// The function as written: nothing is injected, and nothing is published.
    #[instrument]
    #[allow(
        clippy::too_many_arguments,
        clippy::missing_errors_doc,
        clippy::missing_panics_doc,
        clippy::must_use_candidate,
        clippy::missing_const_for_fn,
        clippy::unused_async
    )]
    #[rust_analyzer::signal_bus_expanded]
    async fn direct(greeting: String, name: String) {
        println!("{greeting} from {name}")
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
impl ::signal_bus::private::Registered for print_greeting {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "print_greeting",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        impl print_greeting {
            async fn __inject() -> __p::Result<(String,), __p::InjectError> {
                __p::Result::Ok((
                    __p::by_factory::<String, _, _>(name, &__SITE, "name").await?,
                ))
            }
        }
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [
                        __p::literal(__p::Probe::<String>::NEW.peel_param(), "greeting"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::literal(
                                            __p::Probe::<String>::NEW.peel_param(),
                                            "greeting",
                                        );
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let (__injected_1,) = print_greeting::__inject().await?;
                                                let __out = print_greeting::direct(
                                                        __signal.take::<String, _>(),
                                                        __injected_1,
                                                    )
                                                    .await;
                                                __p::outcome::<()>(__out)
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .dependencies(
                                __p::vec![__p::factory_dependency(& name, "name")],
                            )
                            .codec(__p::codec(__topics[0]).owned().codec()),
                    );
                }
                __d.injectable(
                    __p::Injectable::new(
                        __SITE,
                        __p::function_id(&|| ()),
                        __p::vec![__p::factory_dependency(& name, "name")],
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
