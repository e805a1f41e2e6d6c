// #[publisher("reports.{name}")] #[inject(name = get_name)]
// async fn report(&self, more: u32, #[inject] pool: &Pool, name: String) -> Report { self.make(pool, more) }

impl Owner {
    #[allow(clippy::unused_async)]
    #[rust_analyzer::signal_bus_expanded]
    async fn report(&self, more: u32) -> Report {
        #[allow(unused_imports)]
        use ::signal_bus::private as __p;
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "report",
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
                            __p::Probe::<Report>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "reports.*",
                        );
                        __d.publisher(
                            __p::Publisher::new(__SITE, __topic)
                                .template("reports.{name}")
                                .codec(__p::codec(__topic).owned().codec()),
                        );
                    }
                    __d.injectable(
                        __p::Injectable::new(
                            __SITE,
                            __p::function_id(&|| ()),
                            __p::vec![
                                __p::shared:: < Pool > ().dependency("pool",
                                ::core::line!()), __p::factory_dependency(& get_name,
                                "name")
                            ],
                        ),
                    );
                },
            );
            __p::inventory::submit! {
                __p::Submitted(& __REGISTRATION)
            }
        };
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        let __injected_1 = {
            #[allow(unused_imports)]
            use ::signal_bus::private::{Form as _, PeelOption as _};
            match __p::shared::<Pool>().get(&__SITE, "pool") {
                __p::Result::Ok(__value) => __value,
                __p::Result::Err(__error) => {
                    use ::signal_bus::private::InjectFallback as _;
                    return __p::Probe::<Report>::NEW.inject_error(__error);
                }
            }
        };
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        let pool: &Pool = &*__injected_1;
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        let __injected_2 = {
            #[allow(unused_imports)]
            use ::signal_bus::private::{Form as _, PeelOption as _};
            match __p::by_factory::<String, _, _>(get_name, &__SITE, "name").await {
                __p::Result::Ok(__value) => __value,
                __p::Result::Err(__error) => {
                    use ::signal_bus::private::InjectFallback as _;
                    return __p::Probe::<Report>::NEW.inject_error(__error);
                }
            }
        };
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        let name: String = __injected_2;
        let __filled_0 = __p::fill(
            &[__p::Piece::Text("reports."), __p::Piece::Hole("name", &name)],
        );
        let __out: Report = async move {
            if let __p::Option::Some(__out) = __p::Option::<Report>::None {
                return __out;
            }
            { self.make(pool, more) }
        }
            .await;
        {
            use ::signal_bus::private::Peel as _;
            static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
            if __p::any_running() {
                let __pending = __p::on(
                        __p::literal(
                            __p::Probe::<Report>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "reports.*",
                        ),
                    )
                    .filled(&__filled_0)
                    .gives(__p::Probe::<Report>::NEW)
                    .publish(&__PUBLICATION, &__out);
                if let __p::Option::Some(__pending) = __pending {
                    __pending.wait().await;
                }
            }
        }
        __out
    }
}
