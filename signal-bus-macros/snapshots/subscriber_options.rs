// #[subscriber(
//     ORDERS, "orders.*.created", concurrency = 4, key = |o: &Order| o.id, capacity = 256,
//     overflow = wait, filter = |o| o.total > 0, timeout = "5s", on_trip = close_bus, bus = BILLING
// )]
// async fn on(order: &Order) -> anyhow::Result<()> { handle(order).await }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn on(order: &Order) -> anyhow::Result<()> {
    handle(order).await
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
struct on {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for on {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "on",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [
                        __p::exact(ORDERS),
                        __p::literal(__p::Probe::NEW, "orders.*.created"),
                    ];
                    __d.subscriber(
                        __p::Subscriber::new(
                                __SITE,
                                __topics,
                                |mut __run| __p::handler(async move {
                                    while __run.more().await {
                                        let __topic = __p::exact(ORDERS);
                                        let mut __signals = __p::open(__topic, &mut __run);
                                        while let __p::Option::Some(__signal) = __p::next(
                                            &mut __signals,
                                        ) {
                                            {
                                                let __out = on(&*__signal.lend::<Order, _>()).await;
                                                __p::outcome::<anyhow::Result<()>>(__out)
                                            }?;
                                        }
                                    }
                                    __p::Result::Ok(())
                                }),
                            )
                            .concurrency(4)
                            .key(|o: &Order| o.id)
                            .capacity(256)
                            .filter(|o| o.total > 0)
                            .timeout(__p::Duration::new(5u64, 0u32))
                            .on_trip(__p::OnTrip::CloseBus)
                            .bus(&BILLING)
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
