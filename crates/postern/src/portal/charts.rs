//! Charts, as SVG made by the server.

use plotters::prelude::*;
use postern_domain::Timestamp;
use postern_domain::window::Slot;

const SIZE: (u32, u32) = (860, 220);
const DAY: u32 = 24 * 60;
/// Minutes in one bar.
const BAR: u32 = 30;
/// The style sheet gives both their colour in the theme, by these values.
const INK: RGBColor = RGBColor(95, 111, 124);
const ACCENT: RGBColor = RGBColor(15, 110, 120);

/// Recipients of the last day, a bar for each half hour. Empty if there were none.
pub(super) fn usage(slots: &[Slot], now: Timestamp) -> String {
    let first = (now.minute() + 1).saturating_sub(DAY);
    let mut bars = vec![0u32; (DAY / BAR) as usize];
    for slot in slots.iter().filter(|slot| slot.minute >= first && slot.minute <= now.minute()) {
        bars[((slot.minute - first) / BAR) as usize] += u32::from(slot.total);
    }
    let most = bars.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut svg = String::new();
    // Drawing into a string fails on nothing that an admin could mend.
    if draw(&mut svg, &bars, most).is_err() {
        return String::new();
    }
    svg
}

fn draw(svg: &mut String, bars: &[u32], most: u32) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let hours = f64::from(DAY) / 60.0;
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(28)
        .y_label_area_size(52)
        .build_cartesian_2d(-hours..0.0, 0u32..most + most / 8 + 1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.25))
        .axis_style(INK.mix(0.6))
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .x_labels(9)
        .y_labels(5)
        .x_label_formatter(&|hours| if *hours > -0.5 { "now".into() } else { format!("{hours:.0} h") })
        .draw()?;
    let width = f64::from(BAR) / 60.0;
    chart.draw_series(bars.iter().enumerate().filter(|(_, count)| **count > 0).map(|(number, count)| {
        let at = -hours + f64::from(u32::try_from(number).unwrap_or(0)) * width;
        Rectangle::new([(at, 0), ((at + width * 0.85).min(0.0), *count)], ACCENT.filled())
    }))?;
    root.present()?;
    drop(chart);
    drop(root);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_a_moment_ago_has_a_bar_and_what_left_the_day_has_none() {
        let now = Timestamp::from_millis(100_000 * 60_000);
        let slot = |minute: u32, total: u16| Slot { minute, total, ..Slot::default() };
        assert_eq!(usage(&[], now), "");
        assert_eq!(usage(&[slot(100_000 - DAY, 5)], now), "");
        let svg = usage(&[slot(100_000, 3), slot(100_000 - DAY + 1, 2)], now);
        assert_eq!(svg.matches("fill=\"#0F6E78\"").count(), 2, "{svg}");
    }
}
