// #[subscriber("quotes.price", reply)]
// async fn price(ask: &Ask) -> Result<Arc<Quote>, Sold> { quote(ask).await }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn price(ask: &Ask) -> Result<Arc<Quote>, Sold> {
    quote(ask).await
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
                                                let __requested = __signal.requested();
                                                let __out = price(&*__signal.lend::<Ask, _>()).await;
                                                __p::reply(
                                                    __p::replies(
                                                        __p::Probe::<Result<Arc<Quote>, Sold>>::NEW
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
                            .replies(
                                __p::replies(
                                    __p::Probe::<Result<Arc<Quote>, Sold>>::NEW
                                        .peel_result()
                                        .peel_option()
                                        .peel_arc(),
                                ),
                                __p::codec(
                                        __p::replies(
                                            __p::Probe::<Result<Arc<Quote>, Sold>>::NEW
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
