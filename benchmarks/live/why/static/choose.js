// Makes a choice act at once: the parts of the page that depend on it are replaced by those of the chosen page. The focus
// stays on the choice, for it can be changed by arrow keys, and the address is that of what is shown.
(() => {
  "use strict";

  const form = document.querySelector("[data-choose]");
  const said = form.querySelector("[data-choice-said]");
  let latest = null;

  const show = async () => {
    latest?.abort();
    const asked = new AbortController();
    latest = asked;
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: asked.signal });
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-chosen]")) {
        part.replaceChildren(...page.querySelector(`[data-chosen="${part.dataset.chosen}"]`).childNodes);
      }
      history.replaceState(null, "", address);
      document.dispatchEvent(new Event("chosen"));
      said.textContent = document.querySelector("[data-headline], .lead")?.textContent ?? "";
    } catch (error) {
      // A later choice took over.
      if (asked.signal.aborted) return;
      said.textContent = `Not shown (${error.message}). Choose again.`;
    }
  };

  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
})();
