// #[subscriber(ROWS, batch = 8)]
// async fn show(rows: &[Arc<Row>]) {}

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn show(rows: &[Arc<Row>]) {}
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
struct show {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for show {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "show",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topics = [__p::exact(ROWS)];
                    __d.subscriber(
                        __p::Subscriber::batch(
                                __SITE,
                                __topics,
                                |__signal| __p::handler(async move {
                                    let __topic = __p::exact(ROWS);
                                    let __signal = __p::open_batch(__topic, __signal);
                                    let __out = show(&*__signal.take::<__p::Vec<Arc<Row>>, _>())
                                        .await;
                                    __p::outcome::<()>(__out)
                                }),
                                8,
                                __p::Option::None,
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
