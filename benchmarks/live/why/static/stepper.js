// Steps through the recorded runs of the tiny loop and the tiny threads. Both have the same moments, at which their
// clients act: a step past a moment in one run moves the other run there too.
(async () => {
  "use strict";

  const root = document.querySelector("[data-stepper]");
  const turnLine = Number(root.dataset.turnLine);
  let recorded;
  try {
    const answer = await fetch(root.dataset.stepper);
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
    recorded = await answer.json();
  } catch (error) {
    for (const told of root.querySelectorAll("[data-told]")) {
      told.textContent = `The recorded steps did not arrive (${error.message}). Reload the page to ask for them again.`;
    }
    return;
  }
  const { moments } = recorded;

  const element = (name, className, ...children) => {
    const made = document.createElement(name);
    made.className = className;
    made.append(...children);
    return made;
  };

  const chips = (title, entries, empty, ordered = false) => {
    const list = element(ordered ? "ol" : "ul", "chips", ...entries);
    const box = element("div", "board", element("h3", "", title), entries.length ? list : element("p", "empty", empty));
    return box;
  };

  const chip = (text, detail, className = "") =>
    element("li", className, element("strong", "", text), ...(detail ? [element("span", "", detail)] : []));

  const loopBoards = ({ runable, await_list, kernel, reported }) => [
    chips("runable", runable.map((each) => chip(each)), "empty", true),
    chips("await_list", await_list.map(([each, until]) => chip(each, until)), "empty"),
    chips("the kernel watches", kernel.map(([each, until, ready]) => chip(until, `for ${each}${ready ? ", ready" : ""}`, ready ? "ready" : "")), "nothing"),
    element("p", "reported", "The kernel reported: ", element("strong", "", reported.join(", ") || "nothing")),
  ];

  const stateClass = (doing) => (doing === "runs" ? "runs" : doing === "ready" ? "ready" : "sleeps");

  const threadBoards = ({ threads }) => [
    chips("threads", threads.map(([name, line, doing]) => chip(name, `line ${line}, ${doing}`, stateClass(doing))), "none"),
  ];

  // Which job or thread is at which line of the source.
  const loopBadges = ({ job }, line) => [[line, job ?? "loop", "runs"]];
  const threadBadges = ({ threads }) => threads.map(([name, line, doing]) => [line, name.replace("thread of ", ""), stateClass(doing)]);

  const makePane = (kind, boardsOf, badgesOf) => {
    const pane = root.querySelector(`[data-pane="${kind}"]`);
    const { steps, boards, words } = recorded[kind];
    const source = pane.querySelector("[data-source]");
    const lines = [...source.children];
    const texts = lines.map((line) => line.textContent.trim());
    const range = pane.querySelector("input[type=range]");
    const told = pane.querySelector("[data-told]");
    range.max = steps.length;
    return {
      pane, steps, range, at: 0,
      draw() {
        const [line, board, text] = steps[this.at];
        const number = element("strong", "", `Step ${this.at + 1} of ${steps.length}.`);
        const { job } = boards[board];
        const next = element("span", "next", `${job ? `In ${job}, next` : "Next"}, line ${line}: `, element("code", "", texts[line - 1]));
        told.replaceChildren(number, ` ${words[text]} `, next);
        range.value = this.at + 1;
        range.setAttribute("aria-valuetext", `step ${this.at + 1} of ${steps.length}, line ${line}`);
        pane.querySelector("[data-boards]").replaceChildren(...boardsOf(boards[board]));
        for (const badge of source.querySelectorAll(".badge-at")) badge.remove();
        for (const [place, name, state] of badgesOf(boards[board], line)) {
          lines[place - 1].append(element("span", `badge-at ${state}`, name));
        }
        for (const [place, each] of lines.entries()) {
          each.classList.toggle("current", place === line - 1);
          if (place === line - 1) each.setAttribute("aria-current", "step");
          else each.removeAttribute("aria-current");
        }
        // Not scrollIntoView: it would move the page too.
        const current = lines[line - 1];
        const top = current.offsetTop;
        if (top < source.scrollTop + 24 || top + current.offsetHeight > source.scrollTop + source.clientHeight - 24) {
          source.scrollTop = top - source.clientHeight / 2;
        }
        for (const button of pane.querySelectorAll("[data-step]")) {
          const to = this.at + Number(button.dataset.step);
          button.setAttribute("aria-disabled", String(to < 0 || to >= steps.length));
        }
      },
    };
  };

  const panes = {
    loop: makePane("loop", loopBoards, loopBadges),
    threads: makePane("threads", threadBoards, threadBadges),
  };
  const momentList = root.querySelector("[data-moments]");
  const clientList = root.querySelector("[data-clients]");
  let moment = 0;

  const momentAt = (kind, at) => moments.findLastIndex((each) => each[kind] <= at);

  const drawMoment = () => {
    for (const [place, each] of [...momentList.children].entries()) {
      if (place === moment) each.firstChild.setAttribute("aria-current", "step");
      else each.firstChild.removeAttribute("aria-current");
    }
    clientList.replaceChildren(...moments[moment].clients.map(([name, did]) => chip(name, did)));
  };

  const go = (kind, wanted) => {
    const pane = panes[kind];
    pane.at = Math.min(pane.steps.length - 1, Math.max(0, wanted));
    const reached = momentAt(kind, pane.at);
    if (reached !== moment) {
      moment = reached;
      const other = kind === "loop" ? "threads" : "loop";
      panes[other].at = moments[moment][other];
      panes[other].draw();
      drawMoment();
    }
    pane.draw();
  };

  const goToMoment = (wanted) => {
    moment = wanted;
    for (const [kind, pane] of Object.entries(panes)) {
      pane.at = moments[moment][kind];
      pane.draw();
    }
    drawMoment();
  };

  for (const [kind, pane] of Object.entries(panes)) {
    for (const button of pane.pane.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => go(kind, pane.at + Number(button.dataset.step)));
    }
    pane.pane.querySelector("[data-turn]")?.addEventListener("click", () => {
      // Once a turn the line is reached from above, and again from below for each reported socket.
      const next = pane.steps.findIndex(
        ([line], place) => place > pane.at && line === turnLine && pane.steps[place - 1][0] < turnLine,
      );
      go(kind, next < 0 ? pane.steps.length - 1 : next);
    });
    pane.range.addEventListener("input", () => go(kind, Number(pane.range.value) - 1));
    pane.pane.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target === pane.range) return;
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      go(kind, pane.at + by);
    });
  }
  momentList.replaceChildren(
    ...moments.map(({ title }, place) => {
      const button = element("button", "", title);
      button.type = "button";
      button.addEventListener("click", () => goToMoment(place));
      return element("li", "", button);
    }),
  );
  goToMoment(0);
  for (const controls of root.querySelectorAll("fieldset")) controls.disabled = false;
  root.classList.add("ready");
})();
