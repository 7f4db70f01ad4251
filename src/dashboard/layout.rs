//! The layout of the panels: one on a small terminal, as many as are readable on a large one.

use ratatui::layout::{Constraint, Layout, Rect};

/// The panels and plots on the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tiles {
    /// The area of the plots.
    pub(super) plots: Option<Rect>,
    /// The panels by number, borders included.
    pub(super) panels: Vec<(usize, Rect)>,
}

impl Tiles {
    /// Whether panel `panel` is among them.
    pub(super) fn shows(&self, panel: usize) -> bool {
        self.panels.iter().any(|&(shown, _)| shown == panel)
    }

    /// Whether a tile needs a box around it, to be told from its neighbours.
    pub(super) fn boxed(&self) -> bool {
        self.panels.len() > 1 || self.plots.is_some()
    }
}

/// The narrowest and lowest body that shows the first panel above the main one.
const OVERVIEW: (u16, u16) = (100, 34);
/// The smallest that shows five panels.
const GRID: (u16, u16) = (160, 48);
/// The lowest that has room for plots above a single panel, and how much they take.
const STRIP: (u16, u16) = (34, 8);
/// The narrowest body that is worth plots at all.
const PLOTS_WIDTH: u16 = 60;

/// Divides `area` among `count` panels. The first panel is the overview; `main` takes the largest place.
pub(super) fn tiles(area: Rect, count: usize, main: usize, zoom: bool) -> Tiles {
    let main = main.min(count.saturating_sub(1));
    let at_least = |size: (u16, u16)| area.width >= size.0 && area.height >= size.1;
    match count {
        0 => Tiles::default(),
        _ if zoom => Tiles { plots: None, panels: vec![(main, area)] },
        _ if at_least(GRID) => grid(area, count, main),
        _ if at_least(OVERVIEW) => overview(area, count, main),
        _ if area.height >= STRIP.0 && area.width >= PLOTS_WIDTH => {
            let [plots, panel] = Layout::vertical([Constraint::Length(STRIP.1), Constraint::Fill(1)]).areas(area);
            Tiles { plots: Some(plots), panels: vec![(main, panel)] }
        }
        _ => Tiles { plots: None, panels: vec![(main, area)] },
    }
}

/// The plots, the first panel and the main one, each as wide as the screen: a graph and a table are wide.
fn overview(area: Rect, count: usize, main: usize) -> Tiles {
    let [plots, first, below] =
        Layout::vertical([Constraint::Length(STRIP.1), Constraint::Percentage(32), Constraint::Fill(1)]).areas(area);
    Tiles { plots: Some(plots), panels: panels(count, main, first, below, &[]) }
}

/// Two columns: the first panel and the main one; the plots and three others.
fn grid(area: Rect, count: usize, main: usize) -> Tiles {
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Fill(1)]).areas(area);
    let [first, large] = Layout::vertical([Constraint::Percentage(40), Constraint::Fill(1)]).areas(left);
    let [plots, a, b, c] =
        Layout::vertical([Constraint::Length(11), Constraint::Fill(1), Constraint::Fill(1), Constraint::Fill(1)])
            .areas(right);
    Tiles { plots: Some(plots), panels: panels(count, main, first, large, &[a, b, c]) }
}

/// The first panel, the main one (the second when that is the first), and the next ones at the side.
fn panels(count: usize, main: usize, first: Rect, large: Rect, side: &[Rect]) -> Vec<(usize, Rect)> {
    let main = if main == 0 && count > 1 { 1 } else { main };
    let mut tiles = if main == 0 { vec![] } else { vec![(0, first)] };
    tiles.push((main, large));
    tiles.extend((1..count).filter(|&panel| panel != main).zip(side.iter().copied()));
    tiles
}

/// A box of at most this size in the middle of `area`.
pub(super) fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(width: u16, height: u16, main: usize) -> Tiles {
        tiles(Rect::new(0, 0, width, height), 8, main, false)
    }

    #[test]
    fn more_room_shows_more_panels() {
        assert_eq!(at(80, 21, 2).panels, [(2, Rect::new(0, 0, 80, 21))]);
        assert_eq!(at(80, 21, 2).plots, None);
        let numbers = |tiles: Tiles| tiles.panels.iter().map(|tile| tile.0).collect::<Vec<_>>();
        assert_eq!(numbers(at(120, 37, 3)), [0, 3]);
        assert_eq!(numbers(at(120, 37, 0)), [0, 1]);
        assert_eq!(numbers(at(200, 57, 2)), [0, 2, 1, 3, 4]);
        assert_eq!(numbers(tiles(Rect::new(0, 0, 200, 57), 8, 5, true)), [5]);
    }

    #[test]
    fn whatever_the_size_tiles_lie_inside_and_apart() {
        for (width, height) in (0..=220).step_by(7).flat_map(|w| (0..=70).step_by(3).map(move |h| (w, h))) {
            for count in 0..=9 {
                for main in 0..=count {
                    let area = Rect::new(0, 2, width, height);
                    let tiles = tiles(area, count, main, false);
                    let all: Vec<Rect> = tiles.panels.iter().map(|tile| tile.1).chain(tiles.plots).collect();
                    for (i, tile) in all.iter().enumerate() {
                        assert_eq!(area.intersection(*tile).area(), tile.area(), "{tile:?} in {area:?}");
                        for other in &all[i + 1..] {
                            assert!(tile.intersection(*other).is_empty(), "{tile:?} and {other:?}");
                        }
                    }
                    assert!(tiles.panels.iter().all(|tile| tile.0 < count));
                    assert!(count == 0 || main == 0 || main == count || tiles.shows(main));
                }
            }
        }
    }
}
