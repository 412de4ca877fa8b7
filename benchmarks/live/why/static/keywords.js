// Links a view's lines to the spans under it: a chosen line lights its spans up, in both twins, and a span its line.
(() => {
  "use strict";

  const statesOf = (line) => line.dataset.states.split("|");

  const twinsOf = (pair) =>
    [...pair.querySelectorAll(".twin")].map((twin) => ({
      lines: [...twin.querySelectorAll("button.line")],
      spans: [...twin.querySelectorAll("button.span")],
      told: twin.querySelector(".line-told"),
    }));

  const link = (pair) => {
    const twins = twinsOf(pair);

    const choose = (states) => {
      for (const { lines, spans, told } of twins) {
        const line = lines.find((each) => each.dataset.states === states);
        for (const each of lines) each.setAttribute("aria-pressed", String(each === line));
        for (const span of spans) {
          span.classList.toggle("lit", line !== undefined && statesOf(line).includes(span.dataset.state));
          span.classList.toggle("unlit", line !== undefined && !statesOf(line).includes(span.dataset.state));
        }
        told.textContent = line?.dataset.words ?? "";
      }
    };

    for (const { lines, spans } of twins) {
      for (const line of lines) {
        line.addEventListener("click", () => {
          choose(line.getAttribute("aria-pressed") === "true" ? null : line.dataset.states);
        });
      }
      const mark = (span) => {
        for (const line of lines) line.classList.toggle("lit", span !== null && statesOf(line).includes(span.dataset.state));
      };
      for (const span of spans) {
        span.addEventListener("focus", () => mark(span));
        span.addEventListener("blur", () => mark(null));
        span.addEventListener("pointerenter", () => mark(span));
        span.addEventListener("pointerleave", () => mark(null));
      }
    }
  };

  const begin = () => {
    for (const pair of document.querySelectorAll(".pair")) link(pair);
  };

  document.addEventListener("chosen", begin);
  begin();
  // A link to a line selects it.
  const line = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (line?.matches("button.line")) line.click();
})();
