// Calls an endpoint from its form, and shows status, time and body: once, or as often at once as
// a browser opens connections to one host. Without this script the form opens the answer itself.
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

  const ask = async (url) => {
    const asked = performance.now();
    const response = await fetch(url, { cache: "no-store" });
    const body = await response.text();
    const time_ms = performance.now() - asked;
    return { status: response.status, reason: response.statusText, server: response.headers.get("server"), body, time_ms };
  };

  const shown = (answers) => {
    const [first] = answers;
    const bad = answers.find(({ status }) => status !== 200) ?? first;
    const times = answers.map(({ time_ms }) => time_ms.toFixed(1)).sort((a, b) => a - b);
    const count = answers.length > 1 ? `${answers.filter(({ status }) => status === bad.status).length} × ` : "";
    return [
      element("strong", bad.status === 200 ? "good" : "bad", `${count}${bad.status} ${bad.reason}`.trim()),
      element("span", "time", answers.length > 1 ? `${times[0]} to ${times.at(-1)} ms` : `${times[0]} ms`),
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
      const query = new URLSearchParams(new FormData(form)).toString();
      const url = query ? `${form.action}?${query}` : form.action;
      const times = Number(event.submitter?.dataset.times ?? 1);
      try {
        const answers = await Promise.all(Array.from({ length: times }, () => ask(url)));
        output.replaceChildren(...shown(answers));
        introduce(answers[0].server);
      } catch {
        output.replaceChildren(element("strong", "bad", "No answer."), element("span", "", "Is the server still running?"));
      } finally {
        output.ariaBusy = "false";
      }
    });
  }
})();
