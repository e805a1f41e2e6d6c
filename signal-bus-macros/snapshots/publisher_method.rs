// #[publisher("mail.sent")]
// pub async fn send(&mut self, to: &str) -> Option<Self> { #![allow(unused)] self.again(to) }

impl Owner {
    #[allow(clippy::unused_async)]
    #[rust_analyzer::signal_bus_expanded]
    pub async fn send(&mut self, to: &str) -> Option<Self> {
        #![allow(unused)]
        #[allow(unused_imports)]
        use ::signal_bus::private as __p;
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "send",
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
                    __d.publisher_untyped(
                        __p::UntypedPublisher::new(__SITE, "mail.sent"),
                    );
                },
            );
            __p::inventory::submit! {
                __p::Submitted(& __REGISTRATION)
            }
        };
        let __out: Option<Self> = async move {
            if let __p::Option::Some(__out) = __p::Option::<Option<Self>>::None {
                return __out;
            }
            { self.again(to) }
        }
            .await;
        {
            use ::signal_bus::private::Peel as _;
            static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
            if __p::any_running() {
                let __pending = __p::on(
                        __p::literal(
                            __p::Probe::<Option<Self>>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "mail.sent",
                        ),
                    )
                    .gives(__p::Probe::<Option<Self>>::NEW)
                    .publish(&__PUBLICATION, &__out);
                if let __p::Option::Some(__pending) = __pending {
                    __pending.wait().await;
                }
            }
        }
        __out
    }
}
