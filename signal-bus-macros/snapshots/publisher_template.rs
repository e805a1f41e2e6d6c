// #[publisher("orders.{region}.v{version}.created", bus = BILLING)]
// async fn create(region: &str, version: u8) -> anyhow::Result<Order> { order() }

#[allow(clippy::unused_async)]
#[rust_analyzer::signal_bus_expanded]
async fn create(region: &str, version: u8) -> anyhow::Result<Order> {
    #[allow(unused_imports)]
    use ::signal_bus::private as __p;
    const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
        "create",
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
                        __p::Probe::<anyhow::Result<Order>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "orders.*.*.created",
                    );
                    __d.publisher(
                        __p::Publisher::new(__SITE, __topic)
                            .template("orders.{region}.v{version}.created")
                            .bus(&BILLING)
                            .codec(__p::codec(__topic).owned().codec()),
                    );
                }
            },
        );
        __p::inventory::submit! {
            __p::Submitted(& __REGISTRATION)
        }
    };
    let __filled_0 = __p::fill(
        &[
            __p::Piece::Text("orders."),
            __p::Piece::Hole("region", &region),
            __p::Piece::Text(".v"),
            __p::Piece::Hole("version", &version),
            __p::Piece::Text(".created"),
        ],
    );
    let __out: anyhow::Result<Order> = async move {
        if let __p::Option::Some(__out) = __p::Option::<anyhow::Result<Order>>::None {
            return __out;
        }
        { order() }
    }
        .await;
    {
        use ::signal_bus::private::Peel as _;
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE)
            .bus(&BILLING);
        if __p::any_running() {
            let __pending = __p::on(
                    __p::literal(
                        __p::Probe::<anyhow::Result<Order>>::NEW
                            .peel_result()
                            .peel_option()
                            .peel_arc(),
                        "orders.*.*.created",
                    ),
                )
                .filled(&__filled_0)
                .gives(__p::Probe::<anyhow::Result<Order>>::NEW)
                .publish(&__PUBLICATION, &__out);
            if let __p::Option::Some(__pending) = __pending {
                __pending.wait().await;
            }
        }
    }
    __out
}
