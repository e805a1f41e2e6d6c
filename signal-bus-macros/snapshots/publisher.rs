// /// Greets.
// #[publisher("greeting")]
// pub async fn greet(name: &str) -> String { format!("hello {name}") }

/// Greets.
#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
pub async fn greet(name: &str) -> String {
    #[allow(unused_imports)]
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "greet",
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
                        __p::Probe::<String>::NEW.peel_result().peel_option().peel_arc(),
                        "greeting",
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
    let __out: String = async move {
        if let __p::Option::Some(__out) = __p::Option::<String>::None {
            return __out;
        }
        { format!("hello {name}") }
    }
        .await;
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE);
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<String>::NEW.peel_result().peel_option().peel_arc(),
                        "greeting",
                    ),
                )
                .gives(__p::Probe::<String>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.wait().await;
            }
        }
    }
    __out
}
