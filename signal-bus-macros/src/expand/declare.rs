//! What a function declares when a bus starts.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::expand::call::{self, Opening, Paths};
use crate::expand::parts::{method, ours_at, time};
use crate::expand::{inject, topic};
use crate::model::{
    Batch, Clock, Concurrency, Form, Model, Output, Publication, Retry, Schedule, Source,
    Subscription, Topic, innermost,
};

/// Declares all roles of a function that the bus calls, provides by, or injects.
pub(crate) fn all(model: &Model) -> TokenStream {
    let subscribers = model
        .roles
        .subscriptions
        .iter()
        .map(|one| subscriber(model, one));
    let periodic = model
        .roles
        .schedule
        .iter()
        .map(|schedule| periodic(model, schedule));
    let provider = model.roles.provider.then(|| provider(model));
    let publishers = publishers(model);
    let injectable = injectable(model);
    quote! {
        #(#subscribers)*
        #(#periodic)*
        #provider
        #publishers
        #injectable
    }
}

/// Declares the topics that a function publishes on.
pub(crate) fn publishers(model: &Model) -> TokenStream {
    model
        .roles
        .publications
        .iter()
        .map(|one| publisher(model, one))
        .collect()
}

// Input:   #[publisher("orders.{region}.created")] async fn create(region: &str) -> Order
// Output:  let __topic = __p::literal(__p::Probe::<Order>::NEW.., "orders.*.created");
//          __d.publisher(__p::Publisher::new(__SITE, __topic).template("orders.{region}.created")..);
fn publisher(model: &Model, publication: &Publication) -> TokenStream {
    let bus = publication
        .bus
        .as_ref()
        .map(|path| quote_spanned! {path.span()=> .bus(&#path) });
    let local = publication.local.then(|| quote!(.local()));
    let plain = model.publishes_at_once().then(|| quote!(.at_once()));
    let probe = match (&publication.topic, &model.nameable) {
        (Topic::Literal { name, .. }, None) => {
            return quote! {
                __d.publisher_untyped(__p::UntypedPublisher::new(__SITE, #name) #local #plain #bus);
            };
        }
        (_, None) => TokenStream::new(),
        (_, Some(ty)) => topic::returned(&model.output, ty),
    };
    let at = model
        .nameable
        .as_ref()
        .map_or(publication.topic.span(), Spanned::span);
    let topic = topic::topic(&publication.topic, &probe, at);
    let template = publication.topic.template().map(|template| {
        let literal = &template.literal;
        quote_spanned! {at=> .template(#literal) }
    });
    let declare = quote_spanned! {ours_at(at)=>
        __d.publisher(
            __p::Publisher::new(__SITE, __topic) #template #local #plain #bus
                .codec(__p::codec(__topic).owned().codec()),
        );
    };
    quote! {
        {
            let __topic = #topic;
            #declare
        }
    }
}

// Input:   #[subscriber("greeting", capacity = 8)] async fn print(text: String)
// Output:  let __topics = [__p::literal(.., "greeting")];
//          __d.subscriber(__p::Subscriber::new(__SITE, __topics, |mut __run| #run).capacity(8)..);
fn subscriber(model: &Model, subscription: &Subscription) -> TokenStream {
    let form = model
        .parameters
        .iter()
        .find_map(|parameter| match &parameter.source {
            Source::Signal(form) => Some(form),
            Source::Caller | Source::Injected(_) => None,
        });
    let Some(form) = form else {
        return TokenStream::new();
    };
    let topics = topic::all(subscription, form);
    let run = handler(model, subscription, form);
    let options = options(subscription);
    let dependencies = dependencies(model);
    let written = topic::written(subscription);
    let at = ours_at(topic::form_span(form));
    let subscriber = match &subscription.batch {
        None => quote_spanned! {at=> __p::Subscriber::new(__SITE, __topics, |mut __run| #run) },
        Some(Batch { size, within }) => {
            let within = match within.as_ref().map(time) {
                Some(within) => quote!(__p::Option::Some(#within)),
                None => quote!(__p::Option::None),
            };
            quote_spanned! {at=>
                __p::Subscriber::batch(__SITE, __topics, |__signal| #run, #size, #within)
            }
        }
    };
    let replies = replies(model);
    let declare = quote_spanned! {at=>
        __d.subscriber(
            #subscriber
                #written
                #options
                #replies
                #dependencies
                .codec(__p::codec(__topics[0]).owned().codec()),
        );
    };
    quote! {
        {
            let __topics = [#(#topics),*];
            #declare
        }
    }
}

// Input:   #[subscriber("quotes.price", reply)] async fn price(ask: Ask) -> Quote
// Output:  .replies(#replies, __p::codec(#replies).owned().codec())
fn replies(model: &Model) -> Option<TokenStream> {
    let (Output::Value(ty), Some(_)) = (&model.output, model.roles.reply()) else {
        return None;
    };
    let with = topic::replies(ty);
    Some(quote_spanned! {ours_at(ty.span())=>
        .replies(#with, __p::codec(#with).owned().codec())
    })
}

fn handler(model: &Model, subscription: &Subscription, form: &Form) -> TokenStream {
    let topic = topic::opening(subscription, form);
    let batched = subscription.batch.is_some();
    let opening = Opening {
        topic,
        form,
        batched,
    };
    call::run(model, Some(&opening))
}

/// The options as calls, each pointing at the user's value.
fn options(subscription: &Subscription) -> TokenStream {
    let Subscription {
        concurrency,
        key,
        capacity,
        filter,
        timeout,
        retry,
        overflow,
        on_trip,
        group,
        blocking,
        bus,
        ..
    } = subscription;
    let mut options = TokenStream::new();
    options.extend(concurrency.as_ref().map(|concurrency| match concurrency {
        Concurrency::Limit(limit) => quote_spanned! {limit.span()=> .concurrency(#limit) },
        Concurrency::Unbounded(word) => quote_spanned! {word.span()=> .unbounded() },
    }));
    let valued = [
        ("key", key),
        ("capacity", capacity),
        ("filter", filter),
        ("group", group),
    ];
    for (name, value) in valued {
        options.extend(value.as_ref().map(|value| {
            let name = method(name, value.span());
            quote! { .#name(#value) }
        }));
    }
    options.extend(timeout.as_ref().map(|timeout| {
        let timeout = time(timeout);
        quote! { .timeout(#timeout) }
    }));
    options.extend(retry.as_ref().map(self::retry));
    let word = overflow.as_ref().map(ToString::to_string);
    options.extend(match word.as_deref() {
        Some("drop_oldest") => Some(quote! { .overflow(__p::Overflow::DropOldest) }),
        Some("drop_newest") => Some(quote! { .overflow(__p::Overflow::DropNewest) }),
        _ => None,
    });
    options.extend(on_trip.as_ref().map(self::on_trip));
    options.extend(blocking.as_ref().map(|_| quote! { .blocking() }));
    options.extend(
        bus.as_ref()
            .map(|path| quote_spanned! {path.span()=> .bus(&#path) }),
    );
    options
}

// Input:   on_trip = close_bus
// Output:  .on_trip(__p::OnTrip::CloseBus)
fn on_trip(word: &Ident) -> TokenStream {
    match word.to_string().as_str() {
        "close_bus" => quote! { .on_trip(__p::OnTrip::CloseBus) },
        _ => quote! { .on_trip(__p::OnTrip::Rest) },
    }
}

// Input:   retry(attempts = 3, base = "1s")
// Output:  .retry(__p::Retry::new().attempts(3).base(Duration))
fn retry(retry: &Retry) -> TokenStream {
    let Retry {
        attempts,
        base,
        factor,
        cap,
        jitter,
        budget,
        panics,
        timeouts,
    } = retry;
    let mut parts = TokenStream::new();
    for (name, value) in [("attempts", attempts), ("factor", factor)] {
        parts.extend(value.as_ref().map(|value| {
            let name = method(name, value.span());
            quote! { .#name(#value) }
        }));
    }
    for (name, value) in [("base", base), ("cap", cap), ("budget", budget)] {
        parts.extend(value.as_ref().map(|value| {
            let name = method(name, proc_macro2::Span::call_site());
            let value = time(value);
            quote! { .#name(#value) }
        }));
    }
    parts.extend(jitter.as_ref().map(|word| match word.to_string().as_str() {
        "none" => quote! { .jitter(__p::Jitter::None) },
        _ => quote! { .jitter(__p::Jitter::Full) },
    }));
    parts.extend(panics.then(|| quote! { .panics() }));
    parts.extend(timeouts.then(|| quote! { .timeouts() }));
    quote! { .retry(__p::Retry::new() #parts) }
}

// Input:   #[periodic("250ms", after = "1s")] async fn poll()
// Output:  __d.periodic(__p::Periodic::new(__SITE, Duration, || #run).after(Duration)..);
fn periodic(model: &Model, schedule: &Schedule) -> TokenStream {
    let Schedule {
        clock,
        after,
        jitter,
        missed,
        fixed_rate,
        once_in,
        on_trip,
        bus,
        ..
    } = schedule;
    let run = call::run(model, None);
    let declared = match clock {
        Clock::Period(period) => {
            let period = time(period);
            quote!(__p::Periodic::new(__SITE, #period, || #run))
        }
        Clock::Cron(cron, tz) => {
            let tz = tz.as_ref().map(|tz| quote!(.tz(#tz)));
            quote!(__p::Periodic::cron(__SITE, #cron, || #run) #tz)
        }
    };
    let mut options = TokenStream::new();
    for (name, value) in [("after", after), ("jitter", jitter)] {
        options.extend(value.as_ref().map(|value| {
            let name = method(name, proc_macro2::Span::call_site());
            let value = time(value);
            quote! { .#name(#value) }
        }));
    }
    options.extend(missed.as_ref().map(|word| match word.to_string().as_str() {
        "burst" => quote! { .missed(__p::Missed::Burst) },
        "delay" => quote! { .missed(__p::Missed::Delay) },
        _ => quote! { .missed(__p::Missed::Skip) },
    }));
    options.extend(fixed_rate.then(|| quote! { .fixed_rate() }));
    options.extend(once_in.as_ref().map(|name| quote! { .once_in(#name) }));
    options.extend(on_trip.as_ref().map(self::on_trip));
    options.extend(
        bus.as_ref()
            .map(|path| quote_spanned! {path.span()=> .bus(&#path) }),
    );
    let dependencies = dependencies(model);
    quote! {
        __d.periodic(#declared #options #dependencies);
    }
}

// Input:   #[provider] async fn pool(config: &Config) -> anyhow::Result<Pool>
// Output:  __d.provider(__p::Provider::new(__SITE, #provided, || __p::provide(async move { .. })));
fn provider(model: &Model) -> TokenStream {
    let Output::Value(ty) = &model.output else {
        return TokenStream::new();
    };
    let Paths { direct, .. } = call::paths(model);
    let at = ty.span();
    let provided = quote_spanned! {at=> __p::Probe::<#ty>::NEW.peel_result().provided() };
    let fetched = inject::fetch_or_fail(model, true);
    let arguments = model
        .parameters
        .iter()
        .filter_map(|parameter| Some(inject::pass(parameter, parameter.injection()?)));
    let wait = model.call.is_async().then(|| quote!(.await));
    // What a service's methods ask for is told in their words, and so once.
    let shared = match &model.owner {
        Some(owner) if is_owner(innermost(ty), owner) => ours_at(owner.span()),
        _ => at,
    };
    let shared = quote_spanned! {shared=> __p::Probe::<#ty>::NEW.peel_result().provided() };
    let build = quote_spanned! {ours_at(at)=> __p::build(#shared, __value) };
    let dependencies = dependencies(model);
    // A future that cannot be sent is the function's: point at its name.
    let run = quote_spanned! {ours_at(model.function.signature.ident.span())=>
        __p::provide(async move {
            #fetched
            let __value = #direct(#(#arguments),*) #wait;
            #build
        })
    };
    quote! {
        __d.provider(__p::Provider::new(__SITE, #provided, || #run) #dependencies);
    }
}

/// Whether `ty` is the type of the service.
fn is_owner(ty: &Type, owner: &Type) -> bool {
    let path = |ty: &Type| quote!(#ty).to_string();
    path(ty) == "Self" || path(ty) == path(owner)
}

/// Declares what an injected function needs, so that a missing provider is found at start.
pub(crate) fn injectable(model: &Model) -> Option<TokenStream> {
    if !model.is_injected() || model.roles.provider {
        return None;
    }
    let name = &model.function.signature.ident;
    // What cannot be a factory is not named: else it would seem used, and dead code stay unseen.
    let function = match (&model.owner, model.can_be_factory()) {
        (_, false) => quote!(|| ()),
        (Some(_), true) => quote!(Self::#name),
        (None, true) => quote!(#name),
    };
    let dependencies = inject::dependencies(model);
    Some(quote! {
        __d.injectable(__p::Injectable::new(
            __SITE,
            __p::function_id(&#function),
            __p::vec![#(#dependencies),*],
        ));
    })
}

fn dependencies(model: &Model) -> Option<TokenStream> {
    let dependencies = inject::dependencies(model);
    (!dependencies.is_empty()).then(|| quote! { .dependencies(__p::vec![#(#dependencies),*]) })
}
