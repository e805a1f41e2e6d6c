//! Annotated items that are right, each with the name of its snapshot.

/// An annotated item.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    /// Methods of an ordinary `impl` stand in one, to be printed.
    pub(super) method: bool,
}

const fn function(name: &'static str, source: &'static str) -> Sample {
    Sample {
        name,
        source,
        method: false,
    }
}

const fn method(name: &'static str, source: &'static str) -> Sample {
    Sample {
        name,
        source,
        method: true,
    }
}

pub(super) const SAMPLES: &[Sample] = &[
    function(
        "publisher",
        r#"/// Greets.
        #[publisher("greeting")]
        pub async fn greet(name: &str) -> String { format!("hello {name}") }"#,
    ),
    function(
        "publisher_plain",
        r#"#[publisher("orders.refunded")]
        fn refund(id: u32) -> Option<Refund> { if id == 0 { return None; } Some(Refund) }"#,
    ),
    function(
        "publisher_template",
        r#"#[publisher("orders.{region}.v{version}.created", bus = BILLING)]
        async fn create(region: &str, version: u8) -> anyhow::Result<Order> { order() }"#,
    ),
    function(
        "publisher_typed_and_literal",
        r#"#[publisher(SHARED)] #[publisher("reports.copy")]
        async fn big() -> Arc<Report> { report() }"#,
    ),
    function(
        "publisher_stream",
        r#"#[publisher("ticks")] fn ticks() -> impl Stream<Item = Tick> + Send { stream() }"#,
    ),
    function(
        "publisher_local",
        r#"#[publisher("cache.filled", local)]
        async fn fill() -> u32 { 7 }"#,
    ),
    function(
        "subscriber_retry",
        r#"#[subscriber("rows", timeout = "5s", retry(
            attempts = 3, base = "1s", factor = 1.5, cap = "10s", jitter = none, budget = LIMIT, panics, timeouts
        ))]
        #[subscriber("lines", retry)]
        async fn store(row: &Row) -> anyhow::Result<()> { insert(row).await }"#,
    ),
    function(
        "subscriber_batch",
        r#"#[subscriber("rows", batch = 100, within = "50ms", overflow = drop_oldest, group = "workers")]
        async fn store(rows: Vec<Row>) -> anyhow::Result<()> { insert(rows).await }"#,
    ),
    function(
        "subscriber_batch_slice",
        r#"#[subscriber(ROWS, batch = 8)]
        async fn show(rows: &[Arc<Row>]) {}"#,
    ),
    function(
        "subscriber_template",
        r#"#[subscriber("orders.{region}.created", SHARED)]
        async fn count(order: Signal<Order>) {}"#,
    ),
    function(
        "periodic_cron",
        r#"#[periodic(cron = "0 */5 * * * *", tz = "Europe/Berlin", missed = delay, on_trip = "rest")]
        async fn report() {}"#,
    ),
    function(
        "publisher_generic",
        r#"#[publisher("values")] #[publisher(VALUES)]
        async fn value<T: Clone>(value: T) -> T { value }"#,
    ),
    method(
        "publisher_method",
        r#"#[publisher("mail.sent")]
        pub async fn send(&mut self, to: &str) -> Option<Self> { #![allow(unused)] self.again(to) }"#,
    ),
    method(
        "publisher_boxed",
        r#"#[publisher("traits.{n}")]
        fn emit<'a>(&'a self, n: &'a str) -> Pin<Box<dyn Future<Output = Receipt> + Send + 'a>> {
            Box::pin(async move { Receipt(n) })
        }"#,
    ),
    method(
        "inject_method",
        r#"#[publisher("reports.{name}")] #[inject(name = get_name)]
        async fn report(&self, more: u32, #[inject] pool: &Pool, name: String) -> Report { self.make(pool, more) }"#,
    ),
    function(
        "inject",
        r#"#[inject]
        async fn report(#[inject] mailer: &Mailer, #[inject] pool: Option<Arc<Pool>>, #[inject] hint: Option<&Hint>) -> usize { 1 }"#,
    ),
    function(
        "inject_plain",
        r#"#[inject(name = name, once)] #[must_use] #[inline]
        pub fn greet<T: Show>((a, b): (u32, u32), name: &str, other: T) -> Result<String, Error> { show(a, b, name, other) }"#,
    ),
    function(
        "subscriber",
        r#"/// Prints.
        #[subscriber("greeting")]
        async fn print(text: String) { println!("{text}"); }"#,
    ),
    function(
        "subscriber_options",
        r#"#[subscriber(
            ORDERS, "orders.*.created", concurrency = 4, key = |o: &Order| o.id, capacity = 256,
            overflow = wait, filter = |o| o.total > 0, timeout = "5s", on_trip = close_bus, bus = BILLING
        )]
        async fn on(order: &Order) -> anyhow::Result<()> { handle(order).await }"#,
    ),
    function(
        "subscriber_twice",
        r#"#[subscriber("a.>", concurrency = unbounded)] #[subscriber("b.**")]
        async fn audit(_: Signal) {}"#,
    ),
    function(
        "subscriber_blocking",
        r#"#[subscriber("thumbs", blocking)] fn render(path: &str) { draw(path) }"#,
    ),
    function(
        "subscriber_inject",
        r#"#[subscriber("greeting")] #[inject(name = name)] #[instrument]
        async fn print_greeting(greeting: String, name: String) { println!("{greeting} from {name}") }"#,
    ),
    function(
        "stage",
        r#"#[subscriber("in")] #[publisher("out")]
        async fn stage(x: In) -> anyhow::Result<Option<Out>> { x.next() }"#,
    ),
    function(
        "stage_blocking_template",
        r#"#[subscriber("in", blocking)] #[publisher("out.{x}")] #[publisher("all")]
        fn stage(x: In, #[inject(factory)] y: u32) -> Out { x.next(y) }"#,
    ),
    function(
        "subscriber_reply",
        r#"#[subscriber("quotes.price", reply)]
        async fn price(ask: &Ask) -> Result<Arc<Quote>, Sold> { quote(ask).await }"#,
    ),
    function(
        "subscriber_reply_blocking",
        r#"#[subscriber("quotes.price", reply, blocking)]
        fn price(ask: Ask) -> Quote { quote(ask) }"#,
    ),
    function(
        "periodic",
        r#"#[periodic("250ms", after = 1, jitter = "50ms", missed = skip)] async fn poll() {}"#,
    ),
    function(
        "periodic_once_in",
        r#"#[periodic(60, once_in = "cluster", fixed_rate)] async fn report() {}"#,
    ),
    function(
        "periodic_publisher_inject",
        r#"#[periodic(1.0)] #[publisher("new-data")] #[inject(url = get_url)] #[inject(secret = get_secret)]
        async fn get_data(url: String, secret: String) -> Vec<Row> { rows(url, secret).await }"#,
    ),
    function(
        "provider",
        r#"#[provider] async fn pool(config: &Config, name: String, #[inject(make)] x: X) -> anyhow::Result<Pool> { Pool::new(config).await }"#,
    ),
    function(
        "service",
        r#"#[service]
        impl Mailer {
            const LIMIT: usize = { 3 };
            type Hidden = u8;
            helper! {}
            #[provider]
            async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Self> { Ok(Self { transport }) }
            fn plain(&self) {}
            #[subscriber("user.created")]
            async fn on_user(&self, user: &User) -> anyhow::Result<()> { self.send(user).await }
            #[publisher("mail.sent")]
            async fn send(&self, to: &User) -> Option<Self> { None }
            #[cfg(feature = "sweep")]
            #[periodic(60)]
            async fn sweep(self: Arc<Self>, #[inject] bus: &BusHandle) {}
            #[subscriber("mail.sent")] #[publisher("mail.counted")]
            fn count(&self, mail: Mail) -> usize { 1 }
            #[inject]
            fn report(&self, #[inject] pool: &Pool) -> usize { 1 }
        }"#,
    ),
];
