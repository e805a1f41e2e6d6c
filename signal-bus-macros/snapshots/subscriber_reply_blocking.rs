// #[subscriber("quotes.price", reply, blocking)]
// fn price(ask: Ask) -> Quote { quote(ask) }

#[allow(clippy::missing_const_for_fn)]
#[rust_analyzer::signal_bus_expanded]
fn price(ask: Ask) -> Quote {
    quote(ask)
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
struct price {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for price {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "price",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [
                        __p::literal(__p::Probe::<Ask>::NEW.peel_param(), "quotes.price"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::literal(
                                            __p::Probe::<Ask>::NEW.peel_param(),
                                            "quotes.price",
                                        );
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let __signal = __signal.whole();
                                                let __requested = __signal.requested();
                                                let __out = __p::blocking(move || price(
                                                        __signal.take::<Ask, _>(),
                                                    ))
                                                    .await;
                                                __p::reply(
                                                    __p::replies(
                                                        __p::Probe::<Quote>::NEW
                                                            .peel_result()
                                                            .peel_option()
                                                            .peel_arc(),
                                                    ),
                                                    __requested,
                                                    __out,
                                                )
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .blocking()
                            .replies(
                                __p::replies(
                                    __p::Probe::<Quote>::NEW
                                        .peel_result()
                                        .peel_option()
                                        .peel_arc(),
                                ),
                                __p::codec(
                                        __p::replies(
                                            __p::Probe::<Quote>::NEW
                                                .peel_result()
                                                .peel_option()
                                                .peel_arc(),
                                        ),
                                    )
                                    .owned()
                                    .codec(),
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
