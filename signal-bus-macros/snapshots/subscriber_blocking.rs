// #[subscriber("thumbs", blocking)] fn render(path: &str) { draw(path) }

#[allow(clippy::missing_const_for_fn)]
#[rust_analyzer::signal_bus_expanded]
fn render(path: &str) {
    draw(path)
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
struct render {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for render {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "render",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [
                        __p::literal(__p::Probe::<str>::NEW.peel_param(), "thumbs"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::literal(
                                            __p::Probe::<str>::NEW.peel_param(),
                                            "thumbs",
                                        );
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let __signal = __signal.whole();
                                                let __out = __p::blocking(move || render(
                                                        &*__signal.lend::<str, _>(),
                                                    ))
                                                    .await;
                                                __p::outcome::<()>(__out)
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .blocking()
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
