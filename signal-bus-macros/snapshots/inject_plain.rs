// #[inject(name = name, once)] #[must_use] #[inline]
// pub fn greet<T: Show>((a, b): (u32, u32), name: &str, other: T) -> Result<String, Error> { show(a, b, name, other) }

#[must_use]
pub fn greet<T: Show>(__argument_0: (u32, u32), other: T) -> Result<String, Error> {
    use ::signal_bus::private as __p;
    let (__injected_1,) = match greet::__inject() {
        __p::Result::Ok(__values) => __values,
        __p::Result::Err(__error) => {
            use ::signal_bus::private::InjectFallback as _;
            return __p::Probe::<Result<String, Error>>::NEW.inject_error(__error);
        }
    };
    let __out: Result<String, Error> = greet::direct::<
        T,
    >(__argument_0, &*__injected_1, other);
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
pub struct greet {}
#[allow(dead_code, unreachable_pub)]
impl greet {
    /// The function as written: nothing is injected, and nothing is published.
    #[inline]
    #[allow(
        clippy::too_many_arguments,
        clippy::missing_errors_doc,
        clippy::missing_panics_doc,
        clippy::must_use_candidate,
        clippy::missing_const_for_fn,
        clippy::unused_async
    )]
    #[rust_analyzer::signal_bus_expanded]
    pub fn direct<T: Show>(
        (a, b): (u32, u32),
        name: &str,
        other: T,
    ) -> Result<String, Error> {
        show(a, b, name, other)
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
impl ::signal_bus::private::Registered for greet {
    fn registration() -> &'static ::signal_bus::private::Registration {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _,
            Peel as _, PeelOption as _, Provides as _,
        };
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            "greet",
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        );
        impl greet {
            fn __inject() -> __p::Result<
                (__p::Arc<::std::string::String>,),
                __p::InjectError,
            > {
                __p::Result::Ok((
                    __p::by_factory_once_now::<
                        ::std::string::String,
                        _,
                        _,
                    >(name, &__SITE, "name")?,
                ))
            }
        }
        static __REGISTRATION: __p::Registration = __p::Registration::new(
            __SITE,
            |__d| {
                __d.injectable(
                    __p::Injectable::new(
                        __SITE,
                        __p::function_id(&|| ()),
                        __p::vec![__p::factory_dependency(& name, "name")],
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
