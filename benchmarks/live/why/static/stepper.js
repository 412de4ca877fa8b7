// Steps through the recorded runs of the tiny loop and the tiny threads, and plays both. They have the same moments, at
// which their clients act: a step past a moment in one run moves the other run there too. What moved in a step is marked.
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
    return element("div", "board", element("h3", "", ...[title].flat()), entries.length ? list : element("p", "empty", empty));
  };

  // The name is of what may move; from is where it was until this step, if it did.
  const chip = (text, detail, { name = "", className = "", from } = {}) => {
    const made = element("li", className, element("strong", "", text), ...(detail ? [element("span", "", detail)] : []));
    made.dataset.name = name;
    if (from !== undefined) {
      made.classList.add("moved");
      made.append(element("em", "from", from ? `from ${from}` : "new"));
    }
    return made;
  };

  const THE_LOOP = "the loop itself";

  const loopPlaces = ({ job, runable, await_list, kernel }) => [
    [job ?? THE_LOOP, "running"],
    ...runable.map((each) => [each, "runable"]),
    ...await_list.map(([each]) => [each, "await_list"]),
    ...kernel.map(([each]) => [each, "the kernel"]),
  ];

  const threadPlaces = ({ threads }) => threads.map(([name, line, doing]) => [name, `line ${line}, ${doing}`]);

  // Returns where something was in the step before, if it was not where it is now. The loop itself never moves.
  const movesFrom = (before) => (name, now) => {
    const places = before.filter(([each]) => each === name).map(([, place]) => place);
    return name === THE_LOOP || places.includes(now) ? undefined : places.at(-1) ?? "";
  };

  const loopBoards = ({ job, runable, await_list, kernel, reported }, from) => {
    const at = (place, name, text, detail, className) => chip(text, detail, { name, className, from: from(name, place) });
    const told = element("span", "reported", "it reported: ", element("strong", "", reported.join(", ") || "nothing"));
    return [
      chips("running", [at("running", job ?? THE_LOOP, job ?? THE_LOOP, "", "runs")], ""),
      chips("runable", runable.map((each) => at("runable", each, each)), "empty", true),
      chips("await_list", await_list.map(([each, until]) => at("await_list", each, each, until)), "empty"),
      chips(
        ["the kernel watches", told],
        kernel.map(([each, until, ready]) => at("the kernel", each, until, `for ${each}${ready ? ", ready" : ""}`, ready ? "ready" : "")),
        "nothing",
      ),
    ];
  };

  const stateClass = (doing) => (doing === "runs" ? "runs" : doing === "ready" ? "ready" : "sleeps");

  const threadBoards = ({ threads }, from) => {
    const entries = threads.map(([name, line, doing]) => {
      const place = `line ${line}, ${doing}`;
      return chip(name, place, { name, className: stateClass(doing), from: from(name, place) });
    });
    return [chips("threads", entries, "none")];
  };

  // Which job or thread is at which line of the source.
  const loopBadges = ({ job }, line) => [[line, job ?? "loop", "runs"]];
  const threadBadges = ({ threads }) => threads.map(([name, line, doing]) => [line, name.replace("thread of ", ""), stateClass(doing)]);

  // What moved glides from where it was, unless the reader wants no motion.
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const GLIDE_MS = 300;

  const placesOf = (boards) => new Map([...boards.querySelectorAll("[data-name]")].map((each) => [each.dataset.name, each.getBoundingClientRect()]));

  const glide = (boards, before) => {
    if (still.matches) return;
    for (const each of boards.querySelectorAll(".moved")) {
      const from = before.get(each.dataset.name);
      if (!from) continue;
      const to = each.getBoundingClientRect();
      const back = `translate(${from.left - to.left}px, ${from.top - to.top}px)`;
      each.animate([{ transform: back }, { transform: "none" }], { duration: GLIDE_MS, easing: "ease-out" });
    }
  };

  const makePane = (kind, boardsOf, placesIn, badgesOf) => {
    const pane = root.querySelector(`[data-pane="${kind}"]`);
    const { steps, boards, words } = recorded[kind];
    const source = pane.querySelector("[data-source]");
    const lines = [...source.children];
    const texts = lines.map((line) => line.textContent.trim());
    const range = pane.querySelector("input[type=range]");
    const told = pane.querySelector("[data-told]");
    const shown = pane.querySelector("[data-boards]");
    range.max = steps.length;
    return {
      pane, steps, range, told, at: 0,
      draw() {
        const [line, board, text] = steps[this.at];
        const number = element("strong", "", `Step ${this.at + 1} of ${steps.length}.`);
        const { job } = boards[board];
        // The line is marked in the source, so it is written out for screen readers alone.
        const next = element("span", "next", `${job ? `In ${job}, next` : "Next"}: line ${line}.`, element("code", "unseen", ` ${texts[line - 1]}`));
        told.replaceChildren(number, ` ${words[text]} `, next);
        range.value = this.at + 1;
        range.setAttribute("aria-valuetext", `step ${this.at + 1} of ${steps.length}, line ${line}`);
        const before = steps[Math.max(0, this.at - 1)];
        const were = placesOf(shown);
        shown.replaceChildren(...boardsOf(boards[board], movesFrom(placesIn(boards[before[1]]))));
        glide(shown, were);
        for (const badge of source.querySelectorAll(".badge-at")) badge.remove();
        for (const [place, name, state] of badgesOf(boards[board], line)) {
          lines[place - 1].append(element("span", `badge-at ${state}`, name));
        }
        for (const [place, each] of lines.entries()) {
          each.classList.toggle("current", place === line - 1);
          each.classList.toggle("previous", place === before[0] - 1 && line !== before[0]);
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
    loop: makePane("loop", loopBoards, loopPlaces, loopBadges),
    threads: makePane("threads", threadBoards, threadPlaces, threadBadges),
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

  // Playing: both programs go on within a moment, and the one that is through first waits for the other.

  const play = root.querySelector("[data-play]");
  const speed = root.querySelector("[data-speed]");
  let timer = null;

  const endOf = (kind) => moments[moment + 1]?.[kind] ?? panes[kind].steps.length;
  const isOver = () => Object.values(panes).every((pane) => pane.at === pane.steps.length - 1);

  const pause = () => {
    clearTimeout(timer);
    timer = null;
    play.textContent = "▶ Play";
    for (const { told } of Object.values(panes)) told.ariaLive = "polite";
  };

  const tick = () => {
    const waiting = Object.entries(panes).filter(([kind, pane]) => pane.at + 1 < endOf(kind));
    for (const [, pane] of waiting) {
      pane.at += 1;
      pane.draw();
    }
    if (!waiting.length) goToMoment(moment + 1);
    if (isOver()) pause();
    else timer = setTimeout(tick, Number(speed.value));
  };

  play.addEventListener("click", () => {
    if (timer !== null) return pause();
    if (isOver()) goToMoment(0);
    play.textContent = "⏸ Pause";
    // A screen reader would never come to an end.
    for (const { told } of Object.values(panes)) told.ariaLive = "off";
    timer = setTimeout(tick, Number(speed.value));
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && timer !== null) pause();
  });

  for (const [kind, pane] of Object.entries(panes)) {
    // Who steps by hand wants to look.
    for (const event of ["click", "input", "keydown"]) {
      pane.pane.addEventListener(event, () => {
        if (timer !== null) pause();
      });
    }
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
      button.addEventListener("click", () => {
        if (timer !== null) pause();
        goToMoment(place);
      });
      return element("li", "", button);
    }),
  );
  goToMoment(0);
  for (const controls of root.querySelectorAll("fieldset")) controls.disabled = false;
  root.classList.add("ready");
})();
