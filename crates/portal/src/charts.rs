//! Charts as SVG, rendered by the server. Each is shown with a table of the same data.

use askama::Template;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use postern_domain::Timestamp;
use postern_domain::traffic::Traffic;

use super::{names, texts};
use postern_services::service::DayView;

const SIZE: (u32, u32) = (860, 240);
const HOUR_MS: i64 = 3_600_000;
/// If the limit is this many times the highest bar, drawing it would make the bars too small to see.
const OFF_THE_CHART: u32 = 8;

/// The style sheet matches these values to give each its colour in the theme.
const INK: RGBColor = RGBColor(95, 111, 124);
const EXTERNAL: RGBColor = RGBColor(15, 110, 120);
const INTERNAL: RGBColor = RGBColor(126, 179, 184);
const REFUSED: RGBColor = RGBColor(192, 57, 43);
const LINE: RGBColor = RGBColor(51, 51, 68);

/// The line over the bars.
enum Line {
    /// A constant.
    Limit(u32),
    /// A value for each hour.
    Usual(Vec<u32>),
    Nothing,
}

/// One hour, for the table.
pub(super) struct Hour {
    pub(super) at: Timestamp,
    pub(super) traffic: Traffic,
    /// The usual number of recipients at that time.
    pub(super) usual: Option<u32>,
}

/// A chart, with its data as a table.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    title: String,
    /// What the line shows, if there is one.
    line: Option<String>,
    /// The SVG; empty if there is nothing to show.
    pub(super) svg: String,
    /// Hours in which anything was sent, newest first.
    pub(super) rows: Vec<Hour>,
    /// Whether the limit is too far above the bars to be drawn.
    pub(super) limit_is_far: bool,
}

impl Chart {
    fn knows_usual(&self) -> bool {
        self.rows.iter().any(|row| row.usual.is_some())
    }
}

/// What an entity sent in the hours before `now`, against its hourly limit for external recipients.
pub(super) fn of_entity(hours: &[Traffic], limit: Option<u32>, now: Timestamp) -> Chart {
    let count = hours.len();
    let start = Timestamp::from_millis((now.as_millis() / HOUR_MS + 1) * HOUR_MS - to_ms(count));
    let most = highest(hours);
    let far = limit.is_some_and(|limit| limit / OFF_THE_CHART >= most.max(1));
    let line = limit.filter(|_| !far).map_or(Line::Nothing, Line::Limit);
    let label = move |hour: usize| if hour == count { "now".to_owned() } else { format!("−{} h", count - hour) };
    let svg = if most == 0 { String::new() } else { draw(hours, count, &line, 8, &label) };
    let line = limit.filter(|_| !far).map(|limit| texts::t1("chart-limit", "limit", limit));
    Chart { title: texts::t("entity-chart"), line, svg, rows: rows(hours, None, start), limit_is_far: far }
}

/// What was sent today, against what is usual.
pub(super) fn of_day(day: &DayView) -> Chart {
    let (hours, usual) = (day.hours.as_slice(), day.usual.as_deref());
    let length = day.clock.len().saturating_sub(1).max(hours.len());
    let nothing = highest(hours) == 0 && usual.is_none_or(|usual| usual.iter().all(|count| *count == 0));
    let line = usual.map_or(Line::Nothing, |usual| Line::Usual(usual.to_vec()));
    let label = |hour: usize| day.clock.get(hour).cloned().unwrap_or_default();
    let svg = if nothing { String::new() } else { draw(hours, length, &line, 3, &label) };
    let title = texts::t1("overview-chart", "zone", day.zone.as_str());
    let line = usual.map(|_| texts::t("chart-usual"));
    Chart { title, line, svg, rows: rows(hours, usual, day.start), limit_is_far: false }
}

fn to_ms(hours: usize) -> i64 {
    i64::try_from(hours).unwrap_or(0) * HOUR_MS
}

fn rows(hours: &[Traffic], usual: Option<&[u32]>, start: Timestamp) -> Vec<Hour> {
    let row = |(number, traffic): (usize, &Traffic)| Hour {
        at: Timestamp::from_millis(start.as_millis() + to_ms(number)),
        traffic: *traffic,
        usual: usual.and_then(|usual| usual.get(number).copied()),
    };
    let nothing = |hour: &Hour| hour.traffic == Traffic::default() && hour.usual.is_none_or(|usual| usual == 0);
    hours.iter().enumerate().rev().map(row).filter(|hour| !nothing(hour)).collect()
}

fn stack(hour: &Traffic) -> [(u32, RGBColor); 3] {
    [(hour.external, EXTERNAL), (hour.internal, INTERNAL), (hour.refused, REFUSED)]
}

fn highest(hours: &[Traffic]) -> u32 {
    hours.iter().map(|hour| hour.recipients().saturating_add(hour.refused)).max().unwrap_or(0)
}

/// The time axis: `length` hours, with a label every `every` hours.
struct Hours {
    length: usize,
    every: usize,
}

fn place(hour: usize) -> f64 {
    f64::from(u32::try_from(hour).unwrap_or(0))
}

impl Ranged for Hours {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (left, right): (i32, i32)) -> i32 {
        let part = value / place(self.length.max(1));
        // Pixel counts fit.
        #[allow(clippy::cast_possible_truncation)]
        let along = (f64::from(right - left) * part).round() as i32;
        left + along
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (0..=self.length).step_by(self.every).map(place).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        0.0..place(self.length)
    }
}

/// Bars for `hours`, on an axis of `length` hours with a label every `every` hours. Drawing into a string fails for
/// no reason that an admin could fix: then the chart is left out, and the table is still shown.
fn draw(hours: &[Traffic], length: usize, line: &Line, every: usize, label: &dyn Fn(usize) -> String) -> String {
    let mut svg = String::new();
    if try_draw(&mut svg, hours, length, line, every, label).is_err() {
        return String::new();
    }
    svg
}

fn try_draw(
    svg: &mut String,
    hours: &[Traffic],
    length: usize,
    line: &Line,
    every: usize,
    label: &dyn Fn(usize) -> String,
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let above = match line {
        Line::Limit(limit) => *limit,
        Line::Usual(usual) => usual.iter().copied().max().unwrap_or(0),
        Line::Nothing => 0,
    };
    let most = highest(hours).max(above).max(1);
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(28)
        .y_label_area_size(60)
        .build_cartesian_2d(Hours { length, every }, 0u32..most.saturating_add(most / 8 + 1))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.25))
        .axis_style(INK.mix(0.6))
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .x_labels(length / every + 1)
        .y_labels(5)
        // Positions are whole hours.
        .x_label_formatter(&|at| (0..=length).find(|hour| place(*hour) >= *at - 0.5).map(label).unwrap_or_default())
        .draw()?;
    let mut bars = Vec::new();
    for (number, hour) in hours.iter().enumerate() {
        let mut below = 0u32;
        for (count, colour) in stack(hour).into_iter().filter(|(count, _)| *count > 0) {
            let top = below.saturating_add(count);
            bars.push(Rectangle::new([(place(number) + 0.08, below), (place(number) + 0.92, top)], colour.filled()));
            below = top;
        }
    }
    chart.draw_series(bars)?;
    let points: Vec<(f64, u32)> = match line {
        Line::Limit(limit) => vec![(0.0, *limit), (place(length), *limit)],
        Line::Usual(usual) => usual
            .iter()
            .enumerate()
            .flat_map(|(number, count)| [(place(number), *count), (place(number + 1), *count)])
            .collect(),
        Line::Nothing => Vec::new(),
    };
    if !points.is_empty() {
        chart.draw_series(std::iter::once(PathElement::new(points, LINE.stroke_width(2))))?;
    }
    root.present()?;
    drop(chart);
    drop(root);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(external: u32, internal: u32, refused: u32) -> Traffic {
        Traffic { external, internal, refused, ..Traffic::default() }
    }

    #[test]
    fn each_kind_has_its_bar_and_each_hour_its_row() {
        let now = Timestamp::parse("2026-11-25T18:20:00Z").unwrap();
        let hours = [sent(0, 0, 0), sent(3, 2, 1), sent(1, 0, 0)];
        let chart = of_entity(&hours, Some(5), now);
        let bars = |colour: &str| chart.svg.matches(&format!("fill=\"{colour}\"")).count();
        assert_eq!((bars("#0F6E78"), bars("#7EB3B8"), bars("#C0392B")), (2, 1, 1), "{}", chart.svg);
        assert!(chart.svg.contains("#333344") && !chart.limit_is_far);
        let rows: Vec<_> = chart.rows.iter().map(|row| (row.at.to_string(), row.traffic.external)).collect();
        assert_eq!(rows, [("2026-11-25T18:00:00.000Z".into(), 1), ("2026-11-25T17:00:00.000Z".into(), 3)]);
    }

    #[test]
    fn a_limit_that_is_far_leaves_the_bars_their_height() {
        let now = Timestamp::from_millis(0);
        let chart = of_entity(&[sent(10, 0, 0)], Some(500), now);
        assert!(chart.limit_is_far && !chart.svg.contains("#333344"));
        assert_eq!(of_entity(&[sent(0, 0, 0)], Some(5), now).svg, "");
    }

    #[test]
    fn what_is_usual_is_seen_before_anything_was_sent() {
        let nothing = DayView {
            start: Timestamp::from_millis(0),
            zone: "UTC".into(),
            hours: vec![sent(0, 0, 0)],
            usual: None,
            clock: (0..=24).map(|hour| format!("{hour:02}:00")).collect(),
        };
        assert_eq!(of_day(&nothing).svg, "");
        let chart = of_day(&DayView { usual: Some(vec![7; 24]), ..nothing });
        assert!(chart.svg.contains("#333344") && chart.svg.contains("21:00"), "{}", chart.svg);
        assert_eq!(chart.rows[0].usual, Some(7));
    }
}
