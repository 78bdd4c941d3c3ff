//! Shows the findings of a replay: in the terminal, and as a page with charts.

use anyhow::Context;
use askama::Template;
use plotters::prelude::*;
use postern_domain::window::{Charge, Usage, Window};
use postern_domain::{EntityId, Timestamp};

use super::Outcome;
use super::simulate::Finding;
use postern_cli::output::{self, BAD, BOLD, GOOD, WARN, styled};
use postern_services::present;

/// Most charts on a page: those of the first entities found.
const CHARTS: usize = 12;
const HEADS: [&str; 8] =
    ["Entity", "When", "After recipients", "Limit", "Policy", "Action", "Messages stopped", "Recipients stopped"];

pub(super) fn print(outcome: &Outcome) {
    let Outcome { lines, messages, recipients, entities, .. } = outcome;
    anstream::println!(
        "{lines} lines, {messages} messages to {recipients} recipients, from {entities} accounts and connectors."
    );
    if let (Some(first), Some(last)) = (outcome.first, outcome.last) {
        anstream::println!("From {} to {}.", present::time(first), present::time(last));
    }
    if outcome.messages == 0 {
        anstream::println!(
            "No message of an account or connector was found. Are these Postfix's logs, with logins \
             (sasl_username=…) or hosts of a [[connector]]?"
        );
        return;
    }
    section("Today's policies", &outcome.today);
    let Some(proposed) = &outcome.proposed else { return };
    section("Proposed policies", proposed);
    anstream::println!("\n{}", styled(BOLD, "What the proposal changes"));
    let changes = changes(&outcome.today, proposed);
    if changes.is_empty() {
        anstream::println!("Nothing: the same accounts, by the same limits, at the same time.");
    }
    for (style, line) in changes {
        anstream::println!("{}", styled(style, line));
    }
}

fn section(title: &str, findings: &[Finding]) {
    anstream::println!("\n{}", styled(BOLD, title));
    if findings.is_empty() {
        anstream::println!("Nobody would have passed a limit.");
        return;
    }
    output::table(&HEADS, findings.iter().map(|finding| row(finding).to_vec()).collect());
}

fn row(finding: &Finding) -> [String; 8] {
    let excess = &finding.excess;
    [
        finding.entity.to_string(),
        present::time(finding.at),
        finding.after.to_string(),
        format!("{} {}", excess.limit, excess.window),
        finding.policy.clone(),
        finding.action.key().to_owned(),
        finding.stopped_messages.to_string(),
        finding.stopped_recipients.to_string(),
    ]
}

fn changes(today: &[Finding], proposed: &[Finding]) -> Vec<(anstyle::Style, String)> {
    let find = |findings: &[Finding], entity: &EntityId| findings.iter().find(|f| f.entity == *entity).cloned();
    let mut lines = Vec::new();
    for new in proposed {
        match find(today, &new.entity) {
            None => lines.push((BAD, format!("+ {}: {} at {}", new.entity, new.action.key(), present::time(new.at)))),
            Some(old) if (old.at, old.action) != (new.at, new.action) => lines.push((
                WARN,
                format!(
                    "~ {}: {} at {} instead of {} at {}",
                    new.entity,
                    new.action.key(),
                    present::time(new.at),
                    old.action.key(),
                    present::time(old.at)
                ),
            )),
            Some(_) => {}
        }
    }
    for old in today.iter().filter(|old| find(proposed, &old.entity).is_none()) {
        lines.push((GOOD, format!("- {}: would be left alone", old.entity)));
    }
    lines
}

#[derive(Template)]
#[template(path = "replay.html")]
struct Page<'a> {
    outcome: &'a Outcome,
    first: String,
    last: String,
    heads: [&'a str; 8],
    sections: Vec<(&'a str, Vec<[String; 8]>)>,
    changes: Option<Vec<String>>,
    charts: Vec<(String, String)>,
}

/// The page: a single file, so that it can be sent to others.
pub(super) fn page(outcome: &Outcome) -> anyhow::Result<String> {
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".into(), present::time);
    let rows = |findings: &[Finding]| findings.iter().map(row).collect::<Vec<_>>();
    let mut sections = vec![("Today's policies", rows(&outcome.today))];
    if let Some(proposed) = &outcome.proposed {
        sections.push(("Proposed policies", rows(proposed)));
    }
    let charted = outcome.proposed.as_ref().filter(|proposed| !proposed.is_empty()).unwrap_or(&outcome.today);
    let charts = charted.iter().take(CHARTS).map(|finding| Ok((finding.entity.to_string(), chart(outcome, finding)?)));
    let page = Page {
        outcome,
        first: time(outcome.first),
        last: time(outcome.last),
        heads: HEADS,
        sections,
        changes: outcome
            .proposed
            .as_ref()
            .map(|proposed| changes(&outcome.today, proposed).into_iter().map(|(_, line)| line).collect()),
        charts: charts.collect::<anyhow::Result<_>>()?,
    };
    page.render().context("the page can't be written")
}

/// A chart of how full the window was over the whole log, regardless of any policy's actions, against its limit.
fn chart(outcome: &Outcome, finding: &Finding) -> anyhow::Result<String> {
    let points = filling(outcome, &finding.entity, finding.excess.window);
    let (from, to) = match (outcome.first, outcome.last) {
        (Some(first), Some(last)) if first < last => (first.as_millis(), last.as_millis()),
        _ => (finding.at.as_millis() - 60_000, finding.at.as_millis() + 60_000),
    };
    let limit = finding.excess.limit;
    let top = points.iter().map(|(_, count)| *count).max().unwrap_or(0).max(limit);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (720, 260)).into_drawing_area();
        let (grey, blue, red) = (RGBColor(128, 134, 142), RGBColor(56, 132, 214), RGBColor(214, 72, 72));
        let text = ("sans-serif", 13).into_font().color(&grey);
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(52)
            .build_cartesian_2d(from..to, 0..top + top / 10 + 1)
            .context("the chart can't be drawn")?;
        let day = to - from > 36 * 3600 * 1000;
        let label = |at: &i64| {
            let time = present::time(Timestamp::from_millis(*at));
            if day { time[5..16].to_owned() } else { time[11..16].to_owned() }
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(grey.mix(0.25))
            .axis_style(grey)
            .x_labels(6)
            .y_labels(5)
            .label_style(text)
            .x_label_formatter(&label)
            .draw()
            .context("the chart can't be drawn")?;
        let line = points.iter().map(|(at, count)| (at.as_millis(), *count));
        chart.draw_series(LineSeries::new(line, blue.stroke_width(2))).context("the chart can't be drawn")?;
        let limit_line = [(from, limit), (to, limit)];
        chart
            .draw_series(DashedLineSeries::new(limit_line, 6, 4, red.stroke_width(1)))
            .context("the chart can't be drawn")?;
        let at = (finding.at.as_millis(), finding.excess.count.min(top));
        chart.draw_series([Circle::new(at, 5, red.filled())]).context("the chart can't be drawn")?;
        root.present().context("the chart can't be drawn")?;
    }
    Ok(svg)
}

/// The window's count after each message, and at the end of each gap in which it dropped.
fn filling(outcome: &Outcome, entity: &EntityId, window: Window) -> Vec<(Timestamp, u32)> {
    let mut usage = Usage::default();
    let mut points = Vec::new();
    for message in outcome.sent.iter().filter(|message| message.entity == *entity) {
        if let Some((_, count)) = points.last().copied().filter(|(_, count)| *count > 0) {
            // Show a gap in which the window empties as a drop.
            let before = usage.count(window, message.at);
            if before < count {
                points.push((message.at, before));
            }
        }
        let charge = message.recipients.iter().fold(Charge::NONE, |sum, r| sum.plus(r.class.charge(1)));
        usage.accept(charge.as_message(), message.at);
        points.push((message.at, usage.count(window, message.at)));
    }
    points
}
