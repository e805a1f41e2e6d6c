// #[periodic("250ms", after = 1, jitter = "50ms", missed = skip)] async fn poll() {}

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn poll() {}
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
struct poll {}
#[allow(
    unused_imports,
    unused_qualifications,
    non_local_definitions,
    deprecated,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
impl ::signal_bus::private::Registered for poll {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "poll",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                __d.periodic(
                    __p::Periodic::new(
                            __SITE,
                            __p::Duration::new(0u64, 250000000u32),
                            || __p::handler(async move {
                                let __out = poll().await;
                                __p::outcome::<()>(__out)
                            }),
                        )
                        .after(__p::Duration::new(1u64, 0u32))
                        .jitter(__p::Duration::new(0u64, 50000000u32))
                        .missed(__p::Missed::Skip),
                );
            },
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
        &__REGISTRATION
    }
}
