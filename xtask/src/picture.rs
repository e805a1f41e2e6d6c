//! Draws what a benchmark has shown: a cell for each shape and peer, with a bar on a logarithmic scale.

use crate::results::{Contestant, Results, Shape};

const MARGIN: f64 = 10.0;
const LABEL_WIDTH: f64 = 84.0;
const OURS_WIDTH: f64 = 62.0;
const CELL_WIDTH: f64 = 63.0;
const ANCESTOR_WIDTH: f64 = 2.0 * CELL_WIDTH;
const ROW_HEIGHT: f64 = 19.0;
const GAP: f64 = 3.0;
/// How far above its line the middle of a letter is.
const MIDDLE: f64 = 4.0;
/// A bar that fills its cell stands for this power of ten.
const POWER_MAX: f64 = 3.0;

/// Everything is drawn on what lies below, in the colours of the reader's theme.
const STYLE: &str = "\
text { font: 11px -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 }
.head { font-weight: 600 }
.quiet, .peer { fill: #59636e }
.peer { font-size: 10px }
.ahead { fill: #0969da; fill-opacity: 0.3 }
.behind { fill: #d1570a; fill-opacity: 0.4 }
.line { stroke: #818b98; stroke-opacity: 0.4 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.quiet, .peer { fill: #9198a1 }
.ahead { fill: #4493f8; fill-opacity: 0.45 }
.behind { fill: #f0883e; fill-opacity: 0.5 }
}
";

/// Returns the picture as SVG.
pub(crate) fn draw(results: &Results, ancestors: &Results) -> String {
    let columns = results.peers().len().max(8);
    let mut sheet = Sheet {
        width: 2.0 * MARGIN + LABEL_WIDTH + OURS_WIDTH + as_f64(columns) * CELL_WIDTH,
        y: MARGIN + 14.0,
        marks: String::new(),
    };
    sheet.text(
        MARGIN,
        "title",
        "start",
        "How many times as long as signal-bus others take for the same work",
    );
    sheet.down(18.0);
    legend(&mut sheet);
    for (number, (title, shapes)) in results.groups().iter().enumerate() {
        sheet.down(if number == 0 { 34.0 } else { 12.0 });
        if number == 0 {
            heads(&mut sheet, results.peers());
        }
        sheet.rule();
        sheet.text(MARGIN, "head", "start", title);
        for shape in shapes {
            sheet.down(ROW_HEIGHT);
            row(&mut sheet, results, shape, results, CELL_WIDTH);
        }
        sheet.down(ROW_HEIGHT);
    }
    if !ancestors.shapes.is_empty() {
        python(&mut sheet, results, ancestors);
    }
    sheet.down(12.0);
    let mut run = results.run.clone();
    run.extend(
        ancestors
            .run
            .iter()
            .filter(|word| word.starts_with("CPython"))
            .cloned(),
    );
    sheet.text(MARGIN, "quiet", "start", &run.join(" · "));
    sheet.finish()
}

/// The ancestors have few columns, and names too long for narrow ones; their heads stand beside the title.
fn python(sheet: &mut Sheet, results: &Results, ancestors: &Results) {
    sheet.down(12.0);
    sheet.rule();
    sheet.text(MARGIN, "head", "start", "Python, CPU time");
    for (index, contestant) in ancestors.contestants.iter().enumerate() {
        sheet.text(
            cell_end(index, ANCESTOR_WIDTH),
            "quiet",
            "end",
            &contestant.name,
        );
    }
    for shape in &ancestors.shapes {
        sheet.down(ROW_HEIGHT);
        row(sheet, results, shape, ancestors, ANCESTOR_WIDTH);
    }
    sheet.down(ROW_HEIGHT);
}

fn legend(sheet: &mut Sheet) {
    let mut x = MARGIN;
    for (class, width, words) in [
        ("ahead", 172.0, "signal-bus is ahead"),
        ("behind", 172.0, "signal-bus is behind"),
    ] {
        sheet.bar(class, x, 30.0);
        sheet.text(x + 36.0, "quiet", "start", words);
        x += width;
    }
    let words = "bars: powers of ten, a full one is 1000;   – cannot;   * may lose signals";
    sheet.text(x, "quiet", "start", words);
}

/// The names of the peers, in two lines where one is too narrow.
fn heads(sheet: &mut Sheet, peers: &[Contestant]) {
    sheet.text(
        MARGIN + LABEL_WIDTH + OURS_WIDTH - GAP,
        "head",
        "end",
        "signal-bus",
    );
    for (index, contestant) in peers.iter().enumerate() {
        let star = if contestant.lossy { "*" } else { "" };
        let name = format!("{}{star}", contestant.name);
        let (x, y) = (cell_end(index, CELL_WIDTH), sheet.y);
        match name.split_once(['-', ' ']) {
            Some((first, second)) => {
                let hyphen = if name.contains('-') { "-" } else { "" };
                sheet.y = y - 12.0;
                sheet.text(x, "peer", "end", &format!("{first}{hyphen}"));
                sheet.y = y;
                sheet.text(x, "peer", "end", second);
            }
            None => sheet.text(x, "peer", "end", &name),
        }
    }
    sheet.down(ROW_HEIGHT);
}

/// A row: what the shape is, how long we take, and how much longer each of `others` does.
fn row(sheet: &mut Sheet, results: &Results, shape: &Shape, others: &Results, width: f64) {
    sheet.text(MARGIN, "", "start", &shape.label());
    let Some(ours) = results.ours(shape) else {
        sheet.text(MARGIN + LABEL_WIDTH, "quiet", "start", "not measured");
        return;
    };
    let x = MARGIN + LABEL_WIDTH + OURS_WIDTH - GAP;
    sheet.text(x, "", "end", &format!("{} ns", figure(ours)));
    let same = std::ptr::eq(results, others);
    let peers = if same {
        results.peers()
    } else {
        &others.contestants
    };
    for (index, contestant) in peers.iter().enumerate() {
        let end = cell_end(index, width);
        match others.nanoseconds(shape, contestant) {
            None => sheet.text(end, "quiet", "end", "–"),
            Some(theirs) => {
                let ratio = theirs / ours;
                let length = ratio.log10().abs().min(POWER_MAX) / POWER_MAX * (width - 2.0 * GAP);
                let class = if ratio < 1.0 { "behind" } else { "ahead" };
                // From the right, where the number stands.
                sheet.bar(class, end + GAP - length, length);
                sheet.text(end, "", "end", &figure(ratio));
            }
        }
    }
}

/// Where the number of a cell ends.
fn cell_end(index: usize, width: f64) -> f64 {
    MARGIN + LABEL_WIDTH + OURS_WIDTH + as_f64(index + 1) * width - GAP
}

/// Two digits that count, or more before the point: `0.47`, `2.5`, `31`, `1,840`.
pub(crate) fn figure(number: f64) -> String {
    if number < 0.995 {
        return format!("{number:.2}");
    }
    if number < 9.95 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let (from, mut grouped) = (digits.len(), String::new());
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (from - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("columns are few"))
}

/// Marks from top to bottom.
struct Sheet {
    width: f64,
    /// The line that is written on.
    y: f64,
    marks: String,
}

impl Sheet {
    fn down(&mut self, height: f64) {
        self.y += height;
    }

    fn text(&mut self, x: f64, class: &str, anchor: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let (x, y) = (round(x), round(self.y));
        self.marks.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"{anchor}\">{words}</text>\n"
        ));
    }

    fn bar(&mut self, class: &str, x: f64, length: f64) {
        if length < 0.5 {
            return;
        }
        let height = ROW_HEIGHT - 4.0;
        let y = round(self.y - MIDDLE - height / 2.0);
        let (x, length) = (round(x), round(length));
        self.marks.push_str(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{length}\" height=\"{height}\" rx=\"2\" class=\"{class}\"/>\n"
        ));
    }

    /// A line above the one that is written on.
    fn rule(&mut self) {
        let (y, from, to) = (round(self.y - 16.0), MARGIN, self.width - MARGIN);
        self.marks.push_str(&format!(
            "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" class=\"line\"/>\n"
        ));
    }

    fn finish(self) -> String {
        let (width, height) = (round(self.width), round(self.y + MARGIN));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
             <title>signal-bus beside channels and other buses</title>\n\
             <style>\n{STYLE}</style>\n{}</svg>\n",
            self.marks
        )
    }
}

/// Tenths of a pixel suffice.
fn round(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::{draw, figure};
    use crate::results::{Results, tests::sample};

    #[test]
    fn a_figure_has_as_many_digits_as_one_wants_to_read() {
        let figures = [0.466, 0.999, 2.54, 9.97, 31.4, 1840.2, 1_234_567.0].map(figure);
        assert_eq!(
            figures,
            ["0.47", "1.0", "2.5", "10", "31", "1,840", "1,234,567"]
        );
    }

    #[test]
    fn who_is_behind_is_told_from_who_is_ahead() {
        let picture = draw(&sample(), &Results::default());
        assert!(picture.contains(">0.50</text>"), "{picture}");
        assert_eq!(
            picture.matches("class=\"behind\"").count(),
            1 + 1,
            "{picture}"
        );
        assert!(picture.contains(">broadcast*</text>"), "{picture}");
        assert_eq!(picture.matches(">–</text>").count(), 1, "{picture}");
    }
}
