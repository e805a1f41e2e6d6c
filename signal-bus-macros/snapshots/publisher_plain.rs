// #[publisher("orders.refunded")]
// fn refund(id: u32) -> Option<Refund> { if id == 0 { return None; } Some(Refund) }

#[allow(clippy::missing_const_for_fn)]
#[rust_analyzer::signal_bus_expanded]
fn refund(id: u32) -> Option<Refund> {
    #[allow(unused_imports)]
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "refund",
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
                        __p::Probe::<Option<Refund>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "orders.refunded",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .at_once()
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
            },
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
    };
    #[allow(clippy::redundant_closure_call)]
    let __out: Option<Refund> = (move || -> Option<Refund> {
        if id == 0 {
            return None;
        }
        Some(Refund)
    })();
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE).at_once();
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<Option<Refund>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "orders.refunded",
                    ),
                )
                .gives(__p::Probe::<Option<Refund>>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.now();
            }
        }
    }
    __out
}
