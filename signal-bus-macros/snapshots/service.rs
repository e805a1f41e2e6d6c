// #[service]
// impl Mailer {
//     const LIMIT: usize = { 3 };
//     type Hidden = u8;
//     helper! {}
//     #[provider]
//     async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Self> { Ok(Self { transport }) }
//     fn plain(&self) {}
//     #[subscriber("user.created")]
//     async fn on_user(&self, user: &User) -> anyhow::Result<()> { self.send(user).await }
//     #[publisher("mail.sent")]
//     async fn send(&self, to: &User) -> Option<Self> { None }
//     #[cfg(feature = "sweep")]
//     #[periodic(60)]
//     async fn sweep(self: Arc<Self>, #[inject] bus: &BusHandle) {}
//     #[subscriber("mail.sent")] #[publisher("mail.counted")]
//     fn count(&self, mail: Mail) -> usize { 1 }
//     #[inject]
//     fn report(&self, #[inject] pool: &Pool) -> usize { 1 }
// }

impl Mailer {
    const LIMIT: usize = { 3 };
    type Hidden = u8;
    helper! {}
    #[allow(clippy::unused_async)]
    #[rust_analyzer::signal_bus_expanded]
    async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Self> {
        Ok(Self { transport })
    }
    #[rust_analyzer::signal_bus_expanded]
    fn plain(&self) {}
    #[allow(clippy::unused_async)]
    #[rust_analyzer::signal_bus_expanded]
    async fn on_user(&self, user: &User) -> anyhow::Result<()> {
        self.send(user).await
    }
    #[allow(clippy::unused_async)]
    #[rust_analyzer::signal_bus_expanded]
    async fn send(&self, to: &User) -> Option<Self> {
        #[publisher(__mention)]
        const _: () = ();
        #[allow(unused_imports)]
        use ::signal_bus::private as __p;
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "Mailer::send",
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
                            __p::Probe::<Option<Mailer>>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "mail.sent",
                        );
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
        let __out: Option<Self> = async move {
            if let __p::Option::Some(__out) = __p::Option::<Option<Self>>::None {
                return __out;
            }
            { None }
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
    #[cfg(feature = "sweep")]
    #[allow(dead_code)]
    async fn sweep(self: Arc<Self>) {
        use ::signal_bus::private as __p;
        let (__injected_0,) = match Self::__sweep_inject().await {
            __p::Result::Ok(__values) => __values,
            __p::Result::Err(__error) => {
                use ::signal_bus::private::InjectFallback as _;
                return __p::Probe::<()>::NEW.inject_error(__error);
            }
        };
        Self::__sweep_direct(self, &*__injected_0).await;
    }
    #[doc(hidden)]
    /// The function as written: nothing is injected, and nothing is published.
    #[cfg(feature = "sweep")]
    #[allow(
        clippy::too_many_arguments,
        clippy::missing_errors_doc,
        clippy::missing_panics_doc,
        clippy::must_use_candidate,
        clippy::missing_const_for_fn,
        clippy::unused_async
    )]
    #[rust_analyzer::signal_bus_expanded]
    async fn __sweep_direct(self: Arc<Self>, bus: &BusHandle) {}
    #[allow(dead_code)]
    fn count(&self, mail: Mail) -> usize {
        use ::signal_bus::private as __p;
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "Mailer::count",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        let __out: usize = Self::__count_direct(self, mail);
        {
            use ::signal_bus::private::Peel as _;
            static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE)
                .at_once();
            if __p::any_running() {
                let __pending = __p::on(
                        __p::literal(
                            __p::Probe::<usize>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "mail.counted",
                        ),
                    )
                    .gives(__p::Probe::<usize>::NEW)
                    .publish(&__PUBLICATION, &__out);
                if let __p::Option::Some(__pending) = __pending {
                    __pending.now();
                }
            }
        }
        #[allow(clippy::let_and_return)] __out
    }
    #[doc(hidden)]
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
    fn __count_direct(&self, mail: Mail) -> usize {
        1
    }
    #[allow(clippy::missing_const_for_fn)]
    #[rust_analyzer::signal_bus_expanded]
    fn report(&self) -> usize {
        #[inject(__mention)]
        const _: () = ();
        #[allow(unused_imports)]
        use ::signal_bus::private as __p;
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "Mailer::report",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        let __injected_0 = {
            #[allow(unused_imports)]
            use ::signal_bus::private::{Form as _, PeelOption as _};
            match __p::shared::<Pool>().get(&__SITE, "pool") {
                __p::Result::Ok(__value) => __value,
                __p::Result::Err(__error) => {
                    use ::signal_bus::private::InjectFallback as _;
                    return __p::Probe::<usize>::NEW.inject_error(__error);
                }
            }
        };
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        let pool: &Pool = &*__injected_0;
        #[allow(clippy::let_unit_value)]
        let __out: usize = { 1 };
        #[allow(clippy::let_and_return)] __out
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
impl ::signal_bus::private::Registered for Mailer {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "Mailer",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        impl Mailer {
            #[cfg(feature = "sweep")]
            async fn __sweep_inject() -> __p::Result<
                (__p::Arc<BusHandle>,),
                __p::InjectError,
            > {
                const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
                    "Mailer::sweep",
                    ::core::module_path!(),
                    ::core::file!(),
                    ::core::line!(),
                );
                __p::Result::Ok((__p::shared::<BusHandle>().get(&__SITE, "bus")?,))
            }
            fn __declare(__d: &mut __p::Declarations) {
                {
                    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
                        "Mailer::new",
                        ::core::module_path!(),
                        ::core::file!(),
                        ::core::line!(),
                    );
                    __d.provider(
                        __p::Provider::new(
                                __SITE,
                                __p::Probe::<anyhow::Result<Self>>::NEW
                                    .peel_result()
                                    .provided(),
                                || __p::provide(async move {
                                    let __injected_0 = __p::Wanted::<Arc<dyn Transport>>::NEW
                                        .peel_option()
                                        .form()
                                        .get(&__SITE, "transport")?;
                                    let __value = Self::new(__injected_0).await;
                                    __p::build(
                                        __p::Probe::<anyhow::Result<Self>>::NEW
                                            .peel_result()
                                            .provided(),
                                        __value,
                                    )
                                }),
                            )
                            .dependencies(
                                __p::vec![
                                    __p::Wanted:: < Arc < dyn Transport > > ::NEW.peel_option()
                                    .form().dependency("transport", ::core::line!())
                                ],
                            ),
                    );
                }
                {
                    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
                        "Mailer::on_user",
                        ::core::module_path!(),
                        ::core::file!(),
                        ::core::line!(),
                    );
                    {
                        let __topics = [
                            __p::literal(
                                __p::Probe::<User>::NEW.peel_param(),
                                "user.created",
                            ),
                        ];
                        __d.subscriber(
                            __p::Subscriber::new(
                                    __SITE,
                                    __topics,
                                    |mut __run| __p::handler(async move {
                                        while __run.more().await {
                                            let __topic = __p::literal(
                                                __p::Probe::<User>::NEW.peel_param(),
                                                "user.created",
                                            );
                                            let mut __signals = __p::open(__topic, &mut __run);
                                            while let __p::Option::Some(__signal) = __p::next(
                                                &mut __signals,
                                            ) {
                                                {
                                                    let __self = __p::shared::<Self>().get(&__SITE, "self")?;
                                                    let __out = Self::on_user(
                                                            &*__self,
                                                            &*__signal.lend::<User, _>(),
                                                        )
                                                        .await;
                                                    __p::outcome::<anyhow::Result<()>>(__out)
                                                }?;
                                            }
                                        }
                                        __p::Result::Ok(())
                                    }),
                                )
                                .dependencies(
                                    __p::vec![
                                        __p::shared:: < Self > ().dependency("self",
                                        ::core::line!())
                                    ],
                                )
                                .codec(__p::codec(__topics[0]).owned().codec()),
                        );
                    }
                }
                #[cfg(feature = "sweep")]
                {
                    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
                        "Mailer::sweep",
                        ::core::module_path!(),
                        ::core::file!(),
                        ::core::line!(),
                    );
                    __d.periodic(
                        __p::Periodic::new(
                                __SITE,
                                __p::Duration::new(60u64, 0u32),
                                || __p::handler(async move {
                                    let (__injected_0,) = Self::__sweep_inject().await?;
                                    let __self = __p::shared::<Self>().get(&__SITE, "self")?;
                                    let __out = Self::__sweep_direct(__self, &*__injected_0)
                                        .await;
                                    __p::outcome::<()>(__out)
                                }),
                            )
                            .dependencies(
                                __p::vec![
                                    __p::shared:: < Self > ().dependency("self",
                                    ::core::line!()), __p::shared:: < BusHandle > ()
                                    .dependency("bus", ::core::line!())
                                ],
                            ),
                    );
                    __d.injectable(
                        __p::Injectable::new(
                            __SITE,
                            __p::function_id(&|| ()),
                            __p::vec![
                                __p::shared:: < Self > ().dependency("self",
                                ::core::line!()), __p::shared:: < BusHandle > ()
                                .dependency("bus", ::core::line!())
                            ],
                        ),
                    );
                }
                {
                    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
                        "Mailer::count",
                        ::core::module_path!(),
                        ::core::file!(),
                        ::core::line!(),
                    );
                    {
                        let __topics = [
                            __p::literal(
                                __p::Probe::<Mail>::NEW.peel_param(),
                                "mail.sent",
                            ),
                        ];
                        __d.subscriber(
                            __p::Subscriber::new(
                                    __SITE,
                                    __topics,
                                    |mut __run| __p::handler(async move {
                                        while __run.more().await {
                                            let __topic = __p::literal(
                                                __p::Probe::<Mail>::NEW.peel_param(),
                                                "mail.sent",
                                            );
                                            let mut __signals = __p::open(__topic, &mut __run);
                                            while let __p::Option::Some(__signal) = __p::next(
                                                &mut __signals,
                                            ) {
                                                {
                                                    let __self = __p::shared::<Self>().get(&__SITE, "self")?;
                                                    let __out = Self::__count_direct(
                                                        &*__self,
                                                        __signal.take::<Mail, _>(),
                                                    );
                                                    let (__part, __outcome) = __p::on(
                                                            __p::literal(
                                                                __p::Probe::<usize>::NEW
                                                                    .peel_result()
                                                                    .peel_option()
                                                                    .peel_arc(),
                                                                "mail.counted",
                                                            ),
                                                        )
                                                        .gives(__p::Probe::<usize>::NEW)
                                                        .part(__out);
                                                    {
                                                        static __PUBLICATION: __p::Publication = __p::Publication::new(
                                                            __SITE,
                                                        );
                                                        let __pending = __p::on(
                                                                __p::literal(
                                                                    __p::Probe::<usize>::NEW
                                                                        .peel_result()
                                                                        .peel_option()
                                                                        .peel_arc(),
                                                                    "mail.counted",
                                                                ),
                                                            )
                                                            .gives(__p::Probe::<usize>::NEW)
                                                            .publish_part(&__PUBLICATION, &__part);
                                                        if let __p::Option::Some(__pending) = __pending {
                                                            __pending.wait().await;
                                                        }
                                                    }
                                                    __outcome
                                                }?;
                                            }
                                        }
                                        __p::Result::Ok(())
                                    }),
                                )
                                .dependencies(
                                    __p::vec![
                                        __p::shared:: < Self > ().dependency("self",
                                        ::core::line!())
                                    ],
                                )
                                .codec(__p::codec(__topics[0]).owned().codec()),
                        );
                    }
                    {
                        let __topic = __p::literal(
                            __p::Probe::<usize>::NEW
                                .peel_result()
                                .peel_option()
                                .peel_arc(),
                            "mail.counted",
                        );
                        __d.publisher(
                            __p::Publisher::new(__SITE, __topic)
                                .codec(__p::codec(__topic).owned().codec()),
                        );
                    }
                }
                {
                    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
                        "Mailer::report",
                        ::core::module_path!(),
                        ::core::file!(),
                        ::core::line!(),
                    );
                    __d.injectable(
                        __p::Injectable::new(
                            __SITE,
                            __p::function_id(&|| ()),
                            __p::vec![
                                __p::shared:: < Pool > ().dependency("pool",
                                ::core::line!())
                            ],
                        ),
                    );
                }
            }
        }
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            <Mailer>::__declare,
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
        &__REGISTRATION
    }
}
