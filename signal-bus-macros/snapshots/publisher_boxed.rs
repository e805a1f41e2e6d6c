// #[publisher("traits.{n}")]
// fn emit<'a>(&'a self, n: &'a str) -> Pin<Box<dyn Future<Output = Receipt> + Send + 'a>> {
//     Box::pin(async move { Receipt(n) })
// }

impl Owner {
    #[allow(clippy::missing_const_for_fn)]
    #[rust_analyzer::signal_bus_expanded]
    fn emit<'a>(
        &'a self,
        n: &'a str,
    ) -> Pin<Box<dyn Future<Output = Receipt> + Send + 'a>> {
        #[allow(unused_imports)]
        use ::signal_bus::private as __p;
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "emit",
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
                self as __p, Form as _, InjectFallback as _, NoCodec as _,
                OwnedType as _, Peel as _, PeelOption as _, Provides as _,
            };
            static __REGISTRATION: __p::Registration = __p::Registration::new(
                __SITE,
                |__d| {
                    {
                        let __topic = __p::literal(
                            __p::Probe::<Receipt>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "traits.*",
                        );
                        __d.publisher(
                            __p::Publisher::new(__SITE, __topic)
                                .template("traits.{n}")
                                .codec(__p::codec(__topic).owned().codec()),
                        );
                    }
                },
            );
            __p::inventory::submit! {
                __p::Submitted(& __REGISTRATION)
            }
        };
        __p::Box::pin(async move {
            let __filled_0 = __p::fill(
                &[__p::Piece::Text("traits."), __p::Piece::Hole("n", &n)],
            );
            #[allow(unused_braces)]
            let __future = { Box::pin(async move { Receipt(n) }) };
            let __out: Receipt = __future.await;
            {
                use ::signal_bus::private::Peel as _;
                static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
                if __p::any_running() {
                    let __pending = __p::on(
                            __p::literal(
                                __p::Probe::<Receipt>::NEW
                                    .peel_result()
                                    .peel_option()
                                    .peel_arc(),
                                "traits.*",
                            ),
                        )
                        .filled(&__filled_0)
                        .gives(__p::Probe::<Receipt>::NEW)
                        .publish(&__PUBLICATION, &__out);
                    if let __p::Option::Some(__pending) = __pending {
                        __pending.wait().await;
                    }
                }
            }
            __out
        })
    }
}
