// Calls an endpoint from its form, and shows status, time and body: once, or as often at once as a browser opens
// connections to one host, with a bar for each request. Before the first call of a pair both twins are warmed up: a
// connection that is opened, or a thread that starts, is no property of a keyword. Without this script the form opens the
// answer itself.
(() => {
  "use strict";

  const element = (name, className, text) => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };

  const readable = (body) => {
    try {
      return JSON.stringify(JSON.parse(body), null, 1).replace(/\n\s*/g, " ");
    } catch {
      return body;
    }
  };

  const AT_ONCE = 6;
  const TOGETHER = 1.5;
  const QUEUE = 4;

  const ask = async (url) => {
    const asked = performance.now();
    const response = await fetch(url, { cache: "no-store" });
    const body = await response.text();
    const time_ms = performance.now() - asked;
    const server = response.headers.get("server");
    return { status: response.status, reason: response.statusText, server, body, asked, time_ms };
  };

  const askAtOnce = (url, times) => Promise.all(Array.from({ length: times }, () => ask(url)));

  const addressOf = (form, fields = new FormData(form)) => {
    const query = new URLSearchParams(fields).toString();
    return query ? `${form.action}?${query}` : form.action;
  };

  const warmed = new WeakMap();

  const warm = async (pair) => {
    for (const form of pair.querySelectorAll("form.ask")) {
      const noWait = new FormData(form);
      for (const name of [...noWait.keys()]) noWait.set(name, "0");
      // The second six find all connections open, as those that count do.
      for (let round = 0; round < 2; round += 1) await askAtOnce(addressOf(form, noWait), AT_ONCE);
    }
  };

  const warmOnce = (pair) => {
    // What fails here is said by the call that counts, and tried again before the next.
    if (!warmed.has(pair)) warmed.set(pair, warm(pair).catch(() => warmed.delete(pair)));
    return warmed.get(pair);
  };

  // Bars: both twins of a pair on one scale.

  const drawBars = (pair) => {
    const cards = [...pair.querySelectorAll(".card")].filter((card) => card.answers);
    const end_ms = Math.max(...cards.flatMap(({ answers }) => answers.map(({ from_ms, time_ms }) => from_ms + time_ms)));
    const share = (time_ms) => `${(100 * time_ms) / end_ms}%`;
    for (const card of cards) {
      const bars = card.answers.map(({ from_ms, time_ms }) => {
        const bar = document.createElement("li");
        bar.append(element("span", "until", ""), element("span", "took", ""), element("span", "ms", `${time_ms.toFixed(1)} ms`));
        bar.children[0].style.width = share(from_ms);
        bar.children[1].style.width = share(time_ms);
        return bar;
      });
      card.querySelector(".bars").replaceChildren(...bars);
    }
  };

  const keepBars = (form, answers) => {
    const card = form.closest(".card");
    const first = Math.min(...answers.map(({ asked }) => asked));
    card.answers = answers
      .map(({ asked, time_ms }) => ({ from_ms: asked - first, time_ms }))
      .sort((a, b) => a.from_ms + a.time_ms - b.from_ms - b.time_ms);
    drawBars(form.closest(".pair"));
  };

  const order = (times) => {
    const factor = times.at(-1) / times[0];
    const word = factor <= TOGETHER ? "Together" : factor >= QUEUE ? "In a queue" : "Partly queued";
    return `${word}: the last took ${factor.toFixed(1)} × the first.`;
  };

  const shown = (answers) => {
    const [first] = answers;
    const bad = answers.find(({ status }) => status !== 200) ?? first;
    const times = answers.map(({ time_ms }) => time_ms).sort((a, b) => a - b);
    const count = answers.length > 1 ? `${answers.filter(({ status }) => status === bad.status).length} × ` : "";
    return [
      element("strong", bad.status === 200 ? "good" : "bad", `${count}${bad.status} ${bad.reason}`.trim()),
      element("span", "time", `${answers.length > 1 ? `${times[0].toFixed(1)} to ` : ""}${times.at(-1).toFixed(1)} ms`),
      ...(answers.length > 1 ? [element("span", "order", order(times))] : []),
      element("code", "body", readable(bad.body)),
    ];
  };

  const introduce = (server) => {
    const name = document.getElementById("server");
    if (server && name) name.textContent = ` Its answers are signed ${server}.`;
  };

  for (const form of document.querySelectorAll("form.ask")) {
    const output = form.querySelector("output");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // Not the disabled attribute: it would take the focus from a keyboard user.
      if (output.ariaBusy === "true") return;
      output.ariaBusy = "true";
      const url = addressOf(form);
      const times = Number(event.submitter?.dataset.times ?? 1);
      try {
        await warmOnce(form.closest(".pair"));
        const answers = await askAtOnce(url, times);
        output.replaceChildren(...shown(answers));
        if (times > 1) keepBars(form, answers);
        introduce(answers[0].server);
      } catch {
        output.replaceChildren(element("strong", "bad", "No answer."), element("span", "", "Is the server still running?"));
      } finally {
        output.ariaBusy = "false";
      }
    });
  }
})();
