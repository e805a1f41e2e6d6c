// #[inject]
// async fn report(#[inject] mailer: &Mailer, #[inject] pool: Option<Arc<Pool>>, #[inject] hint: Option<&Hint>) -> usize { 1 }

async fn report() -> usize {
    use ::signal_bus::private as __p;
    let (__injected_0, __injected_1, __injected_2) = match report::__inject().await {
        __p::Result::Ok(__values) => __values,
        __p::Result::Err(__error) => {
            use ::signal_bus::private::InjectFallback as _;
            return __p::Probe::<usize>::NEW.inject_error(__error);
        }
    };
    let __out: usize = report::direct(
            &*__injected_0,
            __injected_1,
            __injected_2.as_deref(),
        )
        .await;
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
struct report {}
#[allow(dead_code, unreachable_pub)]
impl report {
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
    async fn direct(
        mailer: &Mailer,
        pool: Option<Arc<Pool>>,
        hint: Option<&Hint>,
    ) -> usize {
        1
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
impl ::signal_bus::private::Registered for report {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "report",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        impl report {
            async fn __inject() -> __p::Result<
                (__p::Arc<Mailer>, Option<Arc<Pool>>, __p::Option<__p::Arc<Hint>>),
                __p::InjectError,
            > {
                __p::Result::Ok((
                    __p::shared::<Mailer>().get(&__SITE, "mailer")?,
                    __p::Wanted::<Option<Arc<Pool>>>::NEW
                        .peel_option()
                        .form()
                        .get(&__SITE, "pool")?,
                    __p::shared_optional::<Hint>().get(&__SITE, "hint")?,
                ))
            }
        }
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                __d.injectable(
                    __p::Injectable::new(
                        __SITE,
                        __p::function_id(&report),
                        __p::vec![
                            __p::shared:: < Mailer > ().dependency("mailer",
                            ::core::line!()), __p::Wanted:: < Option < Arc < Pool > > >
                            ::NEW.peel_option().form().dependency("pool",
                            ::core::line!()), __p::shared_optional:: < Hint > ()
                            .dependency("hint", ::core::line!())
                        ],
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
