// #[publisher(SHARED)] #[publisher("reports.copy")]
// async fn big() -> Arc<Report> { report() }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn big() -> Arc<Report> {
    #[allow(unused_imports)]
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "big",
        ::core::module_path!(),
        ::core::file!(),
        ::core::line!(),
    );
    #[allow(
        unused_imports,
        unused_qualifications,
        non_local_definitions,
        deprecated,
        clippy::all,
        clippy::pedantic,
        clippy::nursery
    )]
    const _: () = {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                {
                    let __topic = __p::literal(
                        __p::Probe::<Arc<Report>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "reports.copy",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
                {
                    let __topic = __p::exact(SHARED);
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
            },
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
    };
    let __out: Arc<Report> = async move {
        if let __p::Option::Some(__out) = __p::Option::<Arc<Report>>::None {
            return __out;
        }
        { report() }
    }
        .await;
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<Arc<Report>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "reports.copy",
                    ),
                )
                .gives(__p::Probe::<Arc<Report>>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.wait().await;
            }
        }
    }
    {
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
        if __p::any_running() {
            let __pending = __p::on(__p::exact(SHARED))
                .gives(__p::Probe::<Arc<Report>>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.wait().await;
            }
        }
    }
    __out
}
