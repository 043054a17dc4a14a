/* Where a card floats beside what it tells of. Pure: boxes in, a place out. */

/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

const GAP = 14;
const EDGE = 8;

/** @param {Box} a @param {Box} b */
function shared(a, b) {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return across > 0 && down > 0 ? across * down : 0;
}

/**
 * The place of a card beside its target: on the side where it covers least of what should be seen, the
 * right one first, then the left, below and above; always whole in the window.
 * @param {{ width: number, height: number }} card
 * @param {Box} target
 * @param {readonly Box[]} seen what should not be covered, from the most important on
 * @param {{ width: number, height: number }} room the window
 */
export function besideOf(card, target, seen, room) {
  const middle = {
    left: target.left + target.width / 2 - card.width / 2,
    top: target.top + target.height / 2 - card.height / 2,
  };
  const right = target.left + target.width + GAP;
  const below = target.top + target.height + GAP;
  const places = [
    { left: right, top: middle.top },
    { left: target.left - GAP - card.width, top: middle.top },
    { left: middle.left, top: below },
    { left: middle.left, top: target.top - GAP - card.height },
    { left: right, top: below },
    { left: EDGE, top: room.height },
    { left: EDGE, top: EDGE },
  ].map(({ left, top }) => ({
    left: Math.max(EDGE, Math.min(room.width - card.width - EDGE, left)),
    top: Math.max(EDGE, Math.min(room.height - card.height - EDGE, top)),
  }));
  const cost = places.map((place) =>
    [target, ...seen].reduce((sum, box, i) => sum + shared({ ...place, ...card }, box) / (i + 1), 0),
  );
  return places[cost.indexOf(Math.min(...cost))];
}
