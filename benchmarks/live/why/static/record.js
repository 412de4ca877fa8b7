// Starts a recording on this machine, and then shows it. A script sends the form: under some referrer policies a browser
// hides the origin of a plain form, by which the server recognizes this page.
(() => {
  "use strict";

  const wire = (form) => {
    const output = form.querySelector("output");
    const button = form.querySelector("button");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      output.textContent = "Recording: two servers start, and some forty bursts are sent. A few seconds …";
      try {
        const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
        if (answer.ok) {
          location.reload();
          return;
        }
        const isText = answer.headers.get("content-type")?.startsWith("text/plain");
        output.textContent = isText ? await answer.text() : `Not recorded: ${answer.status} ${answer.statusText}`;
      } catch {
        output.textContent = "No answer. Is the page's server still running?";
      }
      button.setAttribute("aria-disabled", "false");
    });
  };

  const begin = () => document.querySelectorAll("form[data-record]").forEach(wire);

  document.addEventListener("chosen", begin);
  begin();
})();
