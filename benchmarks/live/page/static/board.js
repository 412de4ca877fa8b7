// What all pages of a workshop have in common: they follow the board, and send. The HTML that they insert was rendered
// and escaped by the server.

"use strict";

const find = (id) => document.getElementById(id);

function put(element, html) {
  // The focus and the place on the page stay where they are when nothing changes.
  if (element.dataset.html !== html) {
    element.dataset.html = html;
    element.innerHTML = html;
  }
}

function write(selector, text) {
  for (const each of document.querySelectorAll(selector)) each.textContent = text;
}

// Returns what is wrong, or nothing; also where the answer is the one status that is to be passed over.
async function send(path, fields, passed) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields ?? {}),
    });
  } catch {
    return "No answer: is the page still being served?";
  }
  return answer.ok || answer.status === passed ? null : (await answer.text()) || `The server answered ${answer.status}.`;
}

// A step names the place that it is made from: if somebody else, or the same clicker twice, has left it, nothing
// happens, nor where there is nothing in that direction.
const step = (direction, place) => send("/stage", { direction, place }, 409);

const KEYS = {
  ArrowRight: "forward", ArrowDown: "forward", PageDown: "forward", " ": "forward", Enter: "forward",
  ArrowLeft: "back", ArrowUp: "back", PageUp: "back", Backspace: "back",
};

function showLineup(lineup) {
  for (const list of document.querySelectorAll("[data-lineup]")) {
    list.replaceChildren(...lineup.contenders.map(({ id, name, framework, isHollow }, place) => {
      const item = document.createElement("li");
      const mark = document.createElement("span");
      mark.className = `mark ${framework}${isHollow ? " hollow" : ""}`;
      mark.textContent = place + 1;
      item.title = id;
      item.append(mark, ` ${name}`);
      return item;
    }));
  }
  write("[data-conditions]", lineup.conditions);
}

let spoken = "";

function speak(state) {
  if (state.spoken !== spoken) {
    spoken = state.spoken;
    find("spoken").textContent = spoken;
  }
}

// Calls the function of each part's name with its content, and tells whether the connection is there.
function follow(parts, tell) {
  let source;
  const open = () => {
    source?.close();
    source = new EventSource("/events");
    const own = source;
    let isConfirmed = false;
    for (const [name, show] of Object.entries(parts)) {
      source.addEventListener(name, (event) => {
        show(JSON.parse(event.data));
        // Once per stream: a viewer who proves that it reads keeps its place, and its guess counts.
        if (!isConfirmed) send("/following", { event: event.lastEventId });
        isConfirmed = true;
      });
    }
    source.addEventListener("open", () => {
      isConfirmed = false;
      tell(true);
    });
    source.addEventListener("error", () => {
      tell(false);
      // Not all at the same moment.
      if (own.readyState === EventSource.CLOSED) setTimeout(() => own === source && open(), 1000 + 2000 * Math.random());
    });
  };
  open();
  // After a sleep the stream may be dead, and the browser not know it.
  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > 10_000) open();
  });
  window.addEventListener("online", open);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
}
