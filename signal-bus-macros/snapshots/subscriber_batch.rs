// #[subscriber("rows", batch = 100, within = "50ms", overflow = drop_oldest, group = "workers")]
// async fn store(rows: Vec<Row>) -> anyhow::Result<()> { insert(rows).await }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn store(rows: Vec<Row>) -> anyhow::Result<()> {
    insert(rows).await
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
                        __p::literal(
                            __p::Probe::<Vec<Row>>::NEW.peel_batch().peel_param(),
                            "rows",
                        ),
                    ];
                    __d.subscriber(
                        __p::Subscriber::batch(
                                __SITE,
                                __topics,
                                |__signal| __p::handler(async move {
                                    let __topic = __p::literal(
                                        __p::Probe::<Vec<Row>>::NEW.peel_batch().peel_param(),
                                        "rows",
                                    );
                                    let __signal = __p::open_batch(__topic, __signal);
                                    let __out = store(__signal.take::<Vec<Row>, _>()).await;
                                    __p::outcome::<anyhow::Result<()>>(__out)
                                }),
                                100,
                                __p::Option::Some(__p::Duration::new(0u64, 50000000u32)),
                            )
                            .group("workers")
                            .overflow(__p::Overflow::DropOldest)
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
