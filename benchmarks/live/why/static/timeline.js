// Places the spans of recorded bursts, moves between them, describes each, and zooms. All bursts of a page share one
// scale.
(() => {
  "use strict";

  const MOST_ZOOM = 500;
  const ZOOM_STEP = 2;
  const told = document.querySelector("[data-told]");
  const zoomTold = document.querySelector("[data-zoom-told]");
  let bursts = [];
  let zoom = 1;

  const spanOf = (element) => ({
    element,
    label: element.firstElementChild,
    start_ns: Number(element.dataset.start),
    end_ns: Number(element.dataset.end),
    isBehind: element.dataset.state === "thread held",
  });

  const burstOf = (root) => ({
    root,
    scroll: root.querySelector(".burst-scroll"),
    lanes: root.querySelector(".burst-lanes"),
    axis: root.querySelector("[data-axis]"),
    rows: [...root.querySelectorAll(".burst-row")].map((row) => [...row.querySelectorAll("button.span")].map(spanOf)),
    spans: [...root.querySelectorAll("button.span")],
    end_ns: Number(root.dataset.end),
    focused: null,
  });

  const start = (span) => Number(span.dataset.start);
  const end = (span) => Number(span.dataset.end);
  const middle = (span) => (start(span) + end(span)) / 2;

  const place = (burst) => {
    for (const span of burst.spans) {
      span.style.left = `${(100 * start(span)) / burst.end_ns}%`;
      span.style.width = `${(100 * (end(span) - start(span))) / burst.end_ns}%`;
    }
  };

  // The scale

  const niceStep = (least_ns) => {
    const power = 10 ** Math.floor(Math.log10(least_ns));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least_ns);
  };

  const time = (at_ns, step_ns) => {
    if (step_ns < 1e5) return `${Math.round(at_ns / 1e3)} µs`;
    return `${(at_ns / 1e6).toFixed(step_ns < 1e6 ? 1 : 0)} ms`;
  };

  const trackWidth = (burst) => burst.axis.clientWidth / zoom;

  const drawAxis = (burst) => {
    const marks = Math.max(2, Math.floor(trackWidth(burst) / 110));
    const step_ns = niceStep(burst.end_ns / zoom / marks);
    const ticks = [];
    for (let mark = 0; mark * step_ns < burst.end_ns; mark += 1) {
      const at_ns = mark * step_ns;
      const tick = document.createElement("span");
      tick.className = "tick";
      tick.textContent = time(at_ns, step_ns);
      tick.style.left = `${(100 * at_ns) / burst.end_ns}%`;
      ticks.push(tick);
    }
    burst.axis.replaceChildren(...ticks);
    for (const tick of ticks) tick.classList.toggle("before", tick.offsetLeft + tick.offsetWidth > burst.axis.clientWidth);
  };

  // Labels: within their span where they fit, else beside it where nothing else is; nowhere if there is no room.

  const isFree = (taken, from, to) => taken.every(([left, right]) => to <= left || right <= from);

  const labelAt = (span, [left, right], track, others) => {
    if (span.isBehind) {
      // What happens in front of a held thread hides it in places.
      const starts = [left, ...others.map(([, end]) => end)].sort((a, b) => a - b);
      return starts.find((at) => left <= at && at + span.width <= right && isFree(others, at, at + span.width));
    }
    if (span.width <= right - left) return left;
    return [right, left - span.width].find((at) => 0 <= at && at + span.width <= track && isFree(others, at, at + span.width));
  };

  const drawLabels = (burst) => {
    const track = trackWidth(burst) * zoom;
    const scale = track / burst.end_ns;
    for (const row of burst.rows) {
      const boxes = new Map(row.map((span) => [span, [span.start_ns * scale, Math.max(span.start_ns * scale + 2, span.end_ns * scale)]]));
      const labels = [];
      // What is in front first, and of that the longest: it is what a reader looks for.
      for (const span of [...row].sort((a, b) => a.isBehind - b.isBehind || b.end_ns - b.start_ns - a.end_ns + a.start_ns)) {
        const box = boxes.get(span);
        const others = [...labels, ...row.filter((each) => each !== span && !each.isBehind).map((each) => boxes.get(each))];
        const at = labelAt(span, box, track, others);
        span.element.classList.toggle("named", at !== undefined);
        span.element.classList.toggle("outside", at !== undefined && (at < box[0] || at >= box[1]));
        if (at === undefined) continue;
        span.label.style.left = `${at - box[0]}px`;
        labels.push([at, at + span.width]);
      }
    }
  };

  const draw = () => {
    for (const burst of bursts) {
      burst.lanes.style.setProperty("--zoom", zoom);
      drawAxis(burst);
      drawLabels(burst);
    }
  };

  // The middle stays in place, or the given span moves there.
  const zoomTo = (wanted, anchor, at = 0.5) => {
    const [before] = bursts;
    if (!before) return;
    const width = trackWidth(before);
    const kept = anchor ?? (before.scroll.scrollLeft + at * width) / (width * zoom);
    zoom = Math.min(MOST_ZOOM, Math.max(1, wanted));
    draw();
    for (const burst of bursts) burst.scroll.scrollLeft = kept * trackWidth(burst) * zoom - at * trackWidth(burst);
    if (zoomTold) zoomTold.textContent = zoom === 1 ? "" : `${zoom < 10 ? zoom.toFixed(1) : Math.round(zoom)} times`;
  };

  const zoomBy = (factor) => {
    const burst = bursts.find(({ root }) => root.contains(document.activeElement));
    const anchor = burst?.focused ? middle(burst.focused) / burst.end_ns : undefined;
    zoomTo(zoom * factor, anchor);
  };

  const zoomOnto = (burst, span) => {
    const share = (end(span) - start(span)) / burst.end_ns;
    zoomTo(0.6 / Math.max(share, 1e-6), middle(span) / burst.end_ns);
  };

  const actions = { in: () => zoomBy(ZOOM_STEP), out: () => zoomBy(1 / ZOOM_STEP), whole: () => zoomTo(1) };

  // One span at a time

  const show = (burst, span) => {
    for (const other of burst.spans) {
      other.classList.toggle("other", span !== null && other.dataset.request !== span.dataset.request);
    }
    if (span) told.textContent = span.getAttribute("aria-label");
  };

  const hold = (burst, span) => {
    for (const other of burst.spans) other.tabIndex = other === span ? 0 : -1;
    burst.focused = span;
    show(burst, span);
  };

  const ofRequest = (burst, request) =>
    burst.spans
      .filter((span) => span.dataset.request === request)
      .sort((a, b) => start(a) - start(b) || end(a) - end(b));

  const neighbour = (burst, span, key) => {
    const own = ofRequest(burst, span.dataset.request);
    const at = own.indexOf(span);
    if (key === "ArrowRight") return own[at + 1];
    if (key === "ArrowLeft") return own[at - 1];
    if (key === "Home") return own[0];
    if (key === "End") return own.at(-1);
    const requests = [...new Set(burst.spans.map((each) => each.dataset.request))].sort((a, b) => a - b);
    const next = requests[requests.indexOf(span.dataset.request) + (key === "ArrowDown" ? 1 : -1)];
    if (next === undefined) return undefined;
    const others = ofRequest(burst, next);
    return others.find((each) => start(each) <= middle(span) && middle(span) < end(each)) ?? others[0];
  };

  const KEYS = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End"];
  const ZOOM_KEYS = { "+": "in", "=": "in", "-": "out", 0: "whole" };

  const wire = (burst) => {
    place(burst);
    // Once: a label is as wide at any zoom.
    for (const span of burst.rows.flat()) span.width = span.label.offsetWidth;
    if (burst.spans.length) burst.spans[0].tabIndex = 0;
    burst.root.addEventListener("focusin", ({ target }) => {
      if (target.matches("button.span")) hold(burst, target);
    });
    burst.root.addEventListener("focusout", () => show(burst, null));
    burst.root.addEventListener("pointerover", ({ target }) => {
      const span = target.closest("button.span");
      if (span) show(burst, span);
    });
    burst.root.addEventListener("pointerleave", () => show(burst, document.activeElement === burst.focused ? burst.focused : null));
    burst.root.addEventListener("click", (event) => {
      const span = event.target.closest("button.span");
      if (!span) return;
      // Safari does not focus what is clicked. A click without a pointer is Enter.
      span.focus();
      if (event.detail === 0) zoomOnto(burst, span);
    });
    burst.root.addEventListener("dblclick", ({ target }) => {
      const span = target.closest("button.span");
      if (span) zoomOnto(burst, span);
    });
    burst.root.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in ZOOM_KEYS) {
        event.preventDefault();
        actions[ZOOM_KEYS[event.key]]();
      } else if (KEYS.includes(event.key) && event.target.matches("button.span")) {
        event.preventDefault();
        neighbour(burst, event.target, event.key)?.focus();
      }
    });
    burst.scroll.addEventListener("scroll", () => {
      for (const other of bursts) {
        const wanted = (burst.scroll.scrollLeft * trackWidth(other)) / trackWidth(burst);
        if (other !== burst && Math.abs(other.scroll.scrollLeft - wanted) > 1) other.scroll.scrollLeft = wanted;
      }
    });
    // A trackpad's pinch arrives as this event.
    burst.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = burst.scroll.getBoundingClientRect();
      const label = box.width - trackWidth(burst);
      zoomTo(zoom * Math.exp(-event.deltaY / 100), undefined, Math.max(0, event.clientX - box.left - label) / trackWidth(burst));
    }, { passive: false });
  };

  const begin = () => {
    bursts = [...document.querySelectorAll("[data-burst]")].map(burstOf);
    zoom = 1;
    if (zoomTold) zoomTold.textContent = "";
    for (const burst of bursts) wire(burst);
    draw();
  };

  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => actions[button.dataset.zoom]());
  }
  window.addEventListener("resize", draw);
  document.addEventListener("chosen", begin);
  begin();
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.focus();
})();
