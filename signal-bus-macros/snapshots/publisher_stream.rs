// #[publisher("ticks")] fn ticks() -> impl Stream<Item = Tick> + Send { stream() }

#[allow(clippy::missing_const_for_fn)]
#[rust_analyzer::signal_bus_expanded]
fn ticks() -> impl Stream<Item = Tick> + Send {
    #[allow(unused_imports)]
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "ticks",
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
                    let __topic = __p::literal(__p::Probe::<Tick>::NEW, "ticks");
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
    #[allow(unused_braces, clippy::redundant_closure_call)]
    let __stream = { stream() };
    let __stream = {
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
        __p::on(__p::literal(__p::Probe::<Tick>::NEW, "ticks"))
            .gives(__p::Probe::<Tick>::NEW)
            .publish_each(&__PUBLICATION, __stream)
    };
    __stream
}
