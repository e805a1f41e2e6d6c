//! One message for each mistake, and it says what to write.

use crate::tests::Source;

/// Asserts that `source` is refused with exactly one message, which contains `expected`.
#[track_caller]
fn refused(source: &str, expected: &str) {
    let messages = Source::parse(source).messages();
    assert_eq!(messages.len(), 1, "{source}\n{messages:#?}");
    assert!(messages[0].contains(expected), "{source}\n{}", messages[0]);
}

#[test]
fn topics() {
    refused(
        r#"#[publisher] fn f() -> u8 { 1 }"#,
        "a publisher needs a topic",
    );
    refused(
        r#"#[subscriber(capacity = 4)] fn f(x: u8) {}"#,
        "a subscriber needs a topic",
    );
    refused(
        r#"#[publisher("a..b")] fn f() -> u8 { 1 }"#,
        "empty token at byte 2",
    );
    refused(
        r#"#[publisher("a.*")] fn f() -> u8 { 1 }"#,
        "orders.{region}.created",
    );
    refused(r#"#[publisher("$bus.x")] fn f() -> u8 { 1 }"#, "reserved");
    refused(
        r#"#[subscriber("a.x{b}")] fn f(x: u8) {}"#,
        "write `{name}` for `x{b}`",
    );
    refused(
        r#"#[subscriber("{b}.{b}")] fn f(x: u8) {}"#,
        "two holes named `b`",
    );
    refused(
        r#"#[publisher("a", "b")] fn f() -> u8 { 1 }"#,
        "stack another one",
    );
    refused(
        r#"#[publisher("a")] #[publisher("a")] fn f() -> u8 { 1 }"#,
        "published twice",
    );
    refused(
        r#"#[subscriber("a", "b", "a")] fn f(x: u8) {}"#,
        "listed twice",
    );
    refused(r#"#[publisher(1)] fn f() -> u8 { 1 }"#, "string literal");
    refused(r#"#[publisher(&ORDERS)] fn f() -> u8 { 1 }"#, "without `&`");
    refused(
        r#"#[publisher(topic())] fn f() -> u8 { 1 }"#,
        "the path of a `static`",
    );
    refused(
        r#"#[inject(a = b)] #[publisher = "a"] fn f(a: u8) -> u8 { 1 }"#,
        "in parentheses",
    );
}

#[test]
fn reserved_topics_are_heard() {
    let source = r#"#[subscriber("$bus.dead")] async fn f(x: DeadLetter) {}"#;
    assert_eq!(Source::parse(source).messages(), Vec::<String>::new());
}

#[test]
fn holes() {
    refused(
        r#"#[publisher("a.{x}")] fn f(y: u8) -> u8 { 1 }"#,
        "no parameter `x`",
    );
    refused(
        r#"#[publisher("a.{regoin}")] fn f(region: u8) -> u8 { 1 }"#,
        "did you mean `{region}`?",
    );
    refused(
        r#"#[publisher("a.{x}")] fn f((x, y): (u8, u8)) -> u8 { 1 }"#,
        "a part of a pattern",
    );
    refused(
        r#"#[publisher("a.{self}")] fn f(&self) -> u8 { 1 }"#,
        "not `self`",
    );
    refused(
        r#"#[publisher("a.{}")] fn f(x: u8) -> u8 { 1 }"#,
        "empty hole",
    );
    refused(
        r#"#[publisher("a.{x.y}")] fn f(x: X) -> u8 { 1 }"#,
        "name of a parameter",
    );
}

#[test]
fn options() {
    refused(
        r#"#[subscriber("a", concurency = 2)] fn f(x: u8) {}"#,
        "unknown option `concurency`, did you mean `concurrency`?",
    );
    refused(
        r#"#[subscriber("a", bloking)] fn f(x: u8) {}"#,
        "did you mean `blocking`?",
    );
    refused(
        r#"#[subscriber("a", speed = 2)] fn f(x: u8) {}"#,
        "unknown option `speed` (known:",
    );
    refused(
        r#"#[subscriber("a", capacity = 1, capacity = 2)] fn f(x: u8) {}"#,
        "given twice",
    );
    refused(
        r#"#[subscriber("a", blocking, blocking)] fn f(x: u8) {}"#,
        "given twice",
    );
    refused(
        r#"#[subscriber("a", capacity)] fn f(x: u8) {}"#,
        "needs a value",
    );
    refused(
        r#"#[subscriber("a", capacity = )] fn f(x: u8) {}"#,
        "needs a value",
    );
    refused(
        r#"#[subscriber("a", blocking = true)] fn f(x: u8) {}"#,
        "takes no value",
    );
}

#[test]
fn values_of_options() {
    refused(
        r#"#[subscriber("a", concurrency = 0)] fn f(x: u8) {}"#,
        "the least is 1",
    );
    refused(
        r#"#[subscriber("a", capacity = 0)] fn f(x: u8) {}"#,
        "the least is 1",
    );
    refused(
        r#"#[subscriber("a", capacity = "4")] fn f(x: u8) {}"#,
        "is a number",
    );
    refused(
        r#"#[subscriber("a", concurrency = unbound)] fn f(x: u8) {}"#,
        "did you mean",
    );
    refused(
        r#"#[subscriber("a", key = |x| x)] fn f(x: u8) {}"#,
        "needs `concurrency = n`",
    );
    refused(
        r#"#[subscriber("a", key = |x| x, concurrency = unbounded)] fn f(x: u8) {}"#,
        "could keep no order",
    );
    refused(
        r#"#[subscriber("a", bus = "x")] fn f(x: u8) {}"#,
        "path of a `BusName`",
    );
    refused(
        r#"#[publisher("a", capacity = 3)] fn f() -> u8 { 1 }"#,
        "option of `#[subscriber]`",
    );
    refused(
        r#"#[publisher("a", blocking)] fn f() -> u8 { 1 }"#,
        "option of `#[subscriber]`",
    );
    refused(
        r#"#[subscriber("a", overflow = sometimes)] fn f(x: u8) {}"#,
        "unknown value",
    );
}

#[test]
fn retries() {
    for (options, expected) in [
        ("retry = 5", "so say which: `retry(attempts = 5)`"),
        ("retry(5)", "the parts of `retry` have names"),
        ("retry(attempts = 0)", "the least is 1"),
        ("retry(attempts = \"many\")", "is a number"),
        ("retry(attempts)", "needs a value"),
        ("retry(attempt = 5)", "did you mean `attempts`?"),
        ("retry(cap = \"1s\", cap = \"2s\")", "given twice"),
        ("retry(base = \"soon\")", "not a time"),
        ("retry(factor = 0.5)", "the least `factor` is 1"),
        ("retry(factor = -2)", "the least `factor` is 1"),
        ("retry(factor = \"2\")", "is a number"),
        ("retry(jitter = some)", "unknown value of `jitter`"),
        ("retry(panics = true)", "takes no value"),
        ("retry(timeouts)", "so it needs one"),
        ("retry(), retry", "given twice"),
        ("retri", "did you mean `retry`?"),
    ] {
        let source = format!("#[subscriber(\"a\", {options})] async fn f(x: X) {{}}");
        refused(&source, expected);
    }
    refused(
        r#"#[publisher("a", retry(attempts = 5))] fn f() -> u8 { 1 }"#,
        "option of `#[subscriber]`",
    );
}

#[test]
fn batches_and_groups() {
    for (options, expected) in [
        ("batch = 0", "would never handle a signal"),
        ("batch = 2, within = \"soon\"", "not a time"),
        ("within = \"1s\"", "needs `batch = n`"),
        (
            "batch = 2, key = |x: &X| x.0, concurrency = 2",
            "signals of one batch are handled together",
        ),
        ("group = \"\"", "a group has a name"),
        ("group = 7", "a group has a name"),
        ("overflow = drop_latest", "unknown value of `overflow`"),
    ] {
        let source = format!("#[subscriber(\"a\", {options})] async fn f(x: Vec<X>) {{}}");
        refused(&source, expected);
    }
    refused(
        r#"#[subscriber("a", batch = 2)] async fn f(x: &X) {}"#,
        "a batch is several signals: take `Vec<T>` or `&[T]`",
    );
    for references in ["Vec<&X>", "&[&X]", "std::vec::Vec<&X>", "&[&'a X]"] {
        refused(
            &format!("#[subscriber(\"a\", batch = 2)] async fn f(x: {references}) {{}}"),
            "not references to them: take `Vec<T>` or `&[T]`",
        );
    }
    let texts = r#"#[subscriber("a", batch = 2)] async fn f(x: Vec<&'static str>) {}"#;
    assert_eq!(Source::parse(texts).messages(), Vec::<String>::new());
    refused(
        r#"#[subscriber("a", batch = 2)] #[subscriber("b")] async fn f(x: Vec<X>) {}"#,
        "either all `#[subscriber]` of a function take batches, or none",
    );
}

#[test]
fn times_of_day() {
    for (options, expected) in [
        ("1, cron = \"* * * * *\"", "there is no period beside it"),
        ("cron = \"* * * * *\", after = 1", "remove `after`"),
        ("cron = \"* * * * *\", fixed_rate", "remove `fixed_rate`"),
        ("cron = \"* * *\"", "this has 3 fields"),
        ("cron = \"hourly\"", "this has 1 field;"),
        ("cron = 5", "`cron` is a text"),
        ("cron = \"* * * * *\", tz = UTC", "`tz` is a text"),
        ("1, tz = \"UTC\"", "needs `cron = \"..\"`: `#[periodic("),
        ("tz = \"UTC\"", "needs `cron"),
        (
            "\"0 3 * * *\"",
            "this is no period; did you mean `cron = \"0 3 * * *\"`?",
        ),
        (
            "\"0 0 3 * * Mon\", tz = \"UTC\"",
            "did you mean `cron = \"0 0 3 * * Mon\"`?",
        ),
        ("\"@daily\"", "did you mean `cron = \"@daily\"`?"),
    ] {
        let source = format!("#[periodic({options})] async fn f() {{}}");
        refused(&source, expected);
    }
}

#[test]
fn times() {
    refused(r#"#[periodic] async fn f() {}"#, "how often?");
    for period in ["0", "-1", "0.0", "\"0s\""] {
        refused(
            &format!("#[periodic({period})] async fn f() {{}}"),
            "greater than zero",
        );
    }
    refused(r#"#[periodic("soon")] async fn f() {}"#, "not a time");
    for (period, expected) in [
        (
            "1d",
            "`d` is not a unit; there are ns, us, ms, s, m and h: write \"24h\"",
        ),
        ("1w", "write \"168h\""),
        ("2days", "write \"48h\""),
        (
            "0.5 years",
            "`years` is not a unit; there are ns, us, ms, s, m and h",
        ),
    ] {
        refused(
            &format!("#[periodic(\"{period}\")] async fn f() {{}}"),
            expected,
        );
    }
    refused(r#"#[periodic(1, 2)] async fn f() {}"#, "one period");
    refused(
        r#"#[periodic(1, after = 0)] async fn f() {}"#,
        "`after` must be greater than zero",
    );
    refused(
        r#"#[periodic(1, on_trip = "close")] async fn f() {}"#,
        "unknown value of `on_trip` `close` (known: `rest`, `close_bus`)",
    );
    refused(
        r#"#[publisher("a", on_trip = rest)] fn f() -> u8 { 1 }"#,
        "`on_trip` is an option of `#[subscriber]`, not of `#[publisher]`",
    );
    for (name, expected) in [
        (
            "cluster",
            "`once_in` is a text, for example `once_in = \"cluster\"`",
        ),
        ("\"\"", "letters, digits, `_` and `-` of ASCII"),
        ("\"a.b\"", "letters, digits, `_` and `-` of ASCII"),
        ("\"a\", once_in = \"b\"", "`once_in` is given twice"),
    ] {
        refused(
            &format!("#[periodic(1, once_in = {name})] async fn f() {{}}"),
            expected,
        );
    }
    refused(
        r#"#[periodic(1, once_in)] async fn f() {}"#,
        "`once_in` needs a value",
    );
    refused(
        r#"#[subscriber("a", once_in = "cluster")] async fn f(x: X) {}"#,
        "`once_in` is an option of `#[periodic]`, not of `#[subscriber]`",
    );
    refused(
        r#"#[periodic(1, missed = never)] async fn f() {}"#,
        "unknown value of `missed`",
    );
    refused(
        r#"#[subscriber("a", timeout = "5")] async fn f(x: X) {}"#,
        "not a time",
    );
}

#[test]
fn parameters() {
    refused(
        r#"#[subscriber("a")] async fn f(order: Order, pool: &Pool) {}"#,
        "takes one signal (here `order`); where does `pool` come from?",
    );
    refused(
        r#"#[subscriber("a")] async fn f() {}"#,
        "no parameter for the signal",
    );
    refused(
        r#"#[subscriber("a")] async fn f(#[inject] pool: &Pool) {}"#,
        "no parameter for the signal",
    );
    refused(
        r#"#[subscriber("a")] async fn f(x: &mut X) {}"#,
        "shared by all its subscribers",
    );
    refused(
        r#"#[subscriber("a")] async fn f(x: Option<&X>) {}"#,
        "take `&X`",
    );
    refused(
        r#"#[periodic(1)] async fn f(n: u32) {}"#,
        "nobody calls a periodic function",
    );
    refused(
        r#"#[subscriber("a")] async fn f(#[cfg(x)] x: X) {}"#,
        "cannot depend on a `cfg`",
    );
    refused(
        r#"#[subscriber("a")] async fn f<'a>(x: Cow<'a, str>) {}"#,
        "cannot borrow for `'a`",
    );
    refused(
        r#"#[subscriber("a")] async fn f<T>(x: T) {}"#,
        "cannot be generic",
    );
    refused(
        r#"#[subscriber("a")] async fn f(x: impl Show) {}"#,
        "cannot be generic",
    );
    refused(
        r#"#[subscriber("a")] async fn f(x: Vec<impl Show>) {}"#,
        "cannot be generic",
    );
}

#[test]
fn injection() {
    refused(
        r#"#[inject(ulr = get)] fn f(url: Url) {}"#,
        "did you mean `url`?",
    );
    refused(
        r#"#[inject(x = get)] fn f(url: Url) {}"#,
        "unknown parameter `x`",
    );
    refused(
        r#"#[subscriber("a")] #[inject(ulr = get)] fn f(x: X, url: Url) {}"#,
        "did you mean `url`?",
    );
    refused(
        r#"#[inject(url = get_url())] fn f(url: Url) {}"#,
        "do not call it: `#[inject(url = get_url)]`",
    );
    refused(
        r#"#[inject] fn f(#[inject(get_url())] url: Url) {}"#,
        "`#[inject(get_url)]`",
    );
    refused(
        r#"#[inject(url = get)] fn f(#[inject] url: Url) {}"#,
        "injected twice",
    );
    refused(
        r#"#[inject(url = a, url = b)] fn f(url: Url) {}"#,
        "injected twice",
    );
    refused(
        r#"#[inject(url = "x")] fn f(url: Url) {}"#,
        "a factory is a function",
    );
    refused(
        r#"#[inject(url = |x| x)] fn f(url: Url) {}"#,
        "takes no arguments",
    );
    refused(r#"#[inject(url)] fn f(url: Url) {}"#, "which parameter");
    refused(r#"#[inject] fn f(url: Url) {}"#, "finds nothing to inject");
    refused(
        r#"#[inject] fn f(#[inject(once)] url: Url) {}"#,
        "`once` needs a factory",
    );
    refused(
        r#"#[inject(url = get, once, once)] fn f(url: Url) {}"#,
        "given twice",
    );
    refused(
        r#"#[inject] fn f(#[inject] url: &mut Url) {}"#,
        "it cannot be `&mut`",
    );
    refused(
        r#"#[inject] fn f(#[inject] url: impl Show) {}"#,
        "type with a name",
    );
    refused(
        r#"#[inject(url = get)] fn f(url: Option<&Url>) {}"#,
        "take `Option<X>`",
    );
    refused(
        r#"#[inject] fn f<T>(#[inject] url: Vec<T>) {}"#,
        "cannot have a generic type",
    );
    refused(
        r#"#[inject] fn f(#[publisher] url: Url, #[inject] x: X) {}"#,
        "not on a parameter",
    );
}

#[test]
fn returns() {
    for nothing in [
        "",
        "-> ()",
        "-> Result<()>",
        "-> anyhow::Result<()>",
        "-> Option<()>",
    ] {
        refused(
            &format!("#[publisher(\"a\")] async fn f() {nothing} {{}}"),
            "returns nothing",
        );
    }
    refused(
        r#"#[publisher("a")] fn f(x: &X) -> &X { x }"#,
        "cannot return a reference",
    );
    refused(
        r#"#[publisher("a")] fn f(x: &X) -> Option<&X> { x }"#,
        "cannot return a reference",
    );
    refused(
        r#"#[publisher("a")] fn f<'a>(x: &'a X) -> Y<'a> { x }"#,
        "cannot return a reference",
    );
    refused(
        r#"#[publisher("a")] fn f(x: &X) -> Y<'_> { x }"#,
        "cannot return a reference",
    );
    refused(
        r#"#[publisher("a")] fn f() -> impl Show { 1 }"#,
        "a return type with a name",
    );
    refused(
        r#"#[publisher("a")] fn f() -> Vec<impl Show> { 1 }"#,
        "a return type with a name",
    );
    refused(
        r#"#[subscriber("a")] fn f(x: X) -> impl Show { 1 }"#,
        "a return type with a name",
    );
    refused(r#"#[provider] fn f() {}"#, "provider `f` returns nothing");
    refused(
        r#"#[provider] fn f() -> impl Show { 1 }"#,
        "return `Arc<dyn Trait>`",
    );
    refused(
        r#"#[periodic(1)] #[publisher("a")] fn f() -> impl Stream<Item = X> { x() }"#,
        "as the caller polls it",
    );
    refused(
        r#"#[publisher("a")] #[inject] fn f(#[inject] x: &X) -> impl Stream<Item = X> { x() }"#,
        "a stream outlives the call",
    );
}

#[test]
fn static_references_are_owned() {
    let source = r#"#[publisher("a")] fn f() -> &'static str { "x" }"#;
    assert_eq!(Source::parse(source).messages(), Vec::<String>::new());
}

#[test]
fn functions() {
    refused(
        r#"#[publisher("a")] const fn f() -> u8 { 1 }"#,
        "remove `const`",
    );
    refused(
        r#"#[publisher("a")] unsafe fn f() -> u8 { 1 }"#,
        "cannot be an `unsafe fn`",
    );
    refused(
        r#"#[publisher("a")] extern "C" fn f() -> u8 { 1 }"#,
        "cannot be an `extern fn`",
    );
    refused(r#"#[publisher("a")] fn f() -> u8;"#, "has no body here");
    refused(
        r#"#[publisher("a")] struct S;"#,
        "on a function, not on a struct",
    );
    refused(
        r#"#[publisher("a")] impl S {}"#,
        "put `#[service]` on the impl block",
    );
    refused(r#"#[publisher("a")] trait S {}"#, "not on a trait");
    refused(r#"#[publisher("a")] const X: u8 = 1;"#, "not on a constant");
    refused(
        r#"#[subscriber("a", blocking)] async fn f(x: X) {}"#,
        "`blocking` is for a plain `fn`",
    );
    refused(
        r#"#[subscriber("a", blocking, timeout = 1)] fn f(x: X) {}"#,
        "a thread cannot be cancelled",
    );
    refused(
        r#"#[subscriber("a", timeout = 1)] fn f(x: X) {}"#,
        "it has no `timeout`",
    );
    refused(
        r#"#[subscriber("a", blocking)] #[subscriber("b")] fn f(x: X) {}"#,
        "all `#[subscriber]` of a function are `blocking`, or none",
    );
}

#[test]
fn roles() {
    refused(
        r#"#[subscriber("a")] #[periodic(1)] async fn f(x: X) {}"#,
        "either a subscriber or periodic, not both",
    );
    refused(
        r#"#[periodic(1)] #[periodic(2)] async fn f() {}"#,
        "more than one `#[periodic]`",
    );
    refused(
        r#"#[provider] #[publisher("a")] async fn f() -> X { x }"#,
        "remove `#[publisher]`",
    );
    refused(
        r#"#[provider(x)] async fn f() -> X { x }"#,
        "takes no arguments",
    );
    refused(
        r#"#[publisher("a")] #[rust_analyzer::signal_bus_expanded] fn f() -> X { x }"#,
        "was it renamed on import?",
    );
}

#[test]
fn methods() {
    refused(
        r#"#[subscriber("a")] async fn f(&self, x: X) {}"#,
        "put `#[service]` on the impl block",
    );
    refused(
        r#"#[inject] fn f(x: &Self, #[inject] y: &Y) {}"#,
        "put `#[service]` on the impl block",
    );
    refused(
        r#"#[service] impl S { #[subscriber("a")] async fn f(&mut self, x: X) {} }"#,
        "take `&self` and put what changes behind a `Mutex`",
    );
    refused(
        r#"#[service] impl S { #[subscriber("a")] async fn f(self, x: X) {} }"#,
        "take `&self` or `self: Arc<Self>`",
    );
    refused(
        r#"#[service] impl S { #[provider] fn f(&self) -> X { x } }"#,
        "there is no `self` yet",
    );
    refused(
        r#"#[inject] fn f(#[inject] &self, x: X) {}"#,
        "`self` is not injected",
    );
}

#[test]
fn services() {
    refused(r#"#[service] fn f() {}"#, "goes on an `impl` block");
    refused(r#"#[service] struct S;"#, "goes on an `impl` block");
    refused(r#"#[service] impl T for S {}"#, "not one of a trait");
    refused(
        r#"#[service] impl<T> S<T> { #[periodic(1)] fn f() {} }"#,
        "cannot be generic",
    );
    refused(
        r#"#[service] impl S { fn f() {} }"#,
        "finds no annotated method",
    );
    refused(
        r#"#[service(x)] impl S { #[periodic(1)] fn f() {} }"#,
        "takes no arguments",
    );
    refused(
        r#"#[service] impl S { #[cfg_attr(x, subscriber("a"))] fn f(x: X) {} #[periodic(1)] fn g() {} }"#,
        "`cfg_attr` is not evaluated yet",
    );
    refused(
        r#"#[service] impl S { fn f(#[inject] x: X) {} #[periodic(1)] fn g() {} }"#,
        "put `#[inject]` on the function",
    );
}

#[test]
fn replies() {
    let nothing = "`f` returns nothing to reply with; add `-> T`, or remove `reply`";
    refused(r#"#[subscriber("a", reply)] async fn f(x: X) {}"#, nothing);
    refused(
        r#"#[subscriber("a", reply)] async fn f(x: X) -> Result<(), E> { Ok(()) }"#,
        nothing,
    );
    refused(
        r#"#[subscriber("a", reply, batch = 10)] async fn f(x: Vec<X>) -> Y { y }"#,
        "a batch has several: remove `batch`, or `reply`",
    );
    refused(
        r#"#[subscriber("a", reply)] #[publisher("b")] async fn f(x: X) -> Y { y }"#,
        "remove one, and publish in the body",
    );
    refused(
        r#"#[subscriber("a", reply)] #[subscriber("b")] async fn f(x: X) -> Y { y }"#,
        "either all `#[subscriber]` of a function `reply`, or none",
    );
    refused(
        r#"#[subscriber("a", reply)] fn f(x: &X) -> &Y { x.y() }"#,
        "a reply cannot be a reference",
    );
    refused(
        r#"#[subscriber("a", reply)] async fn f(x: X) -> impl Display { 1 }"#,
        "a reply needs a type with a name",
    );
    refused(
        r#"#[subscriber("a", reply)] fn f(x: X) -> impl Stream<Item = Y> { y() }"#,
        "a reply needs a type with a name",
    );
    refused(
        r#"#[subscriber("a", replys)] async fn f(x: X) -> Y { y }"#,
        "did you mean `reply`?",
    );
    refused(
        r#"#[publisher("a", reply)] async fn f(x: X) -> Y { y }"#,
        "`reply`",
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let source = r#"#[subscriber("a..b", speed = 2, capacity = 0)] #[publisher("x.*")]
        async fn f(x: X, y: Y) {}"#;
    let messages = Source::parse(source).messages();
    assert_eq!(messages.len(), 6, "{messages:#?}");
}

#[test]
fn the_function_is_left_without_our_attributes() {
    let source = r#"#[subscriber("a..b")] #[inject(y = f)] #[instrument]
        async fn f(x: X, #[inject] y: Y) { body }"#;
    let (role, arguments, item) = Source::parse(source).first();
    let text = crate::attribute::expand(role, arguments, item).to_string();
    let function = "# [instrument] async fn f (x : X , y : Y) {";
    assert!(
        text.starts_with(function) && text.contains("body }"),
        "{text}"
    );
    assert!(text.contains("compile_error"), "{text}");
}
