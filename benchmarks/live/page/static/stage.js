// The stage: shows the scene that the server tells, and takes the keys of a presenter's keyboard or clicker.

"use strict";

const isPresenter = "presents" in document.body.dataset;
const part = (name) => document.querySelector(`[data-part=${name}]`);
let place = "";

async function showWhy(version) {
  const answer = await fetch(`/stage/why/${place.split("-")[1]}`);
  if (answer.ok) put(part("why"), await answer.text());
  part("why").dataset.version = version;
}

function showState(state) {
  const { stage } = state;
  place = stage.place;
  document.body.dataset.phase = state.phase;
  document.body.dataset.scene = stage.scene;
  write("[data-viewers]", state.viewers);
  write("[data-guesses]", state.guesses.count);
  showLineup(state.lineup);
  find("measuring").textContent = state.measuring || "The race is over";
  find("message").textContent = state.message;
  find("hint").textContent = isPresenter && stage.forward ? `${stage.forward} →` : "";
  speak(state);
  const version = `${place} ${state.raced}`;
  if (stage.scene === "why" && part("why").dataset.version !== version) showWhy(version);
}

document.addEventListener("keydown", async (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "f" && document.fullscreenEnabled) document.documentElement.requestFullscreen();
  if (!isPresenter || !(event.key in KEYS)) return;
  event.preventDefault();
  find("message").textContent = (await step(KEYS[event.key], place)) ?? "";
});

follow({
  state: showState,
  race: (race) => put(part("race"), race.scene),
  guesses: (guesses) => {
    put(part("reveal"), guesses.scene);
    put(part("next"), guesses.next);
  },
}, (isThere) => {
  find("connection").textContent = isThere ? "" : "The connection is lost; trying again …";
  find("hint").hidden = !isThere;
});
