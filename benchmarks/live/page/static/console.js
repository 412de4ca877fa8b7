// The presenter's console: chooses the next race, and moves the stage.

"use strict";

const form = find("start");
const dial = find("wait-dial");
const wait = form.elements.wait_ms;
const say = (text) => { find("presenter-said").textContent = text ?? ""; };
let place = "";
let scene = "";

const chosen = () => ({
  contenders: [...form.querySelectorAll("[name=contender]:checked")].map((box) => box.value),
  wait_ms: Number(wait.value),
  connections: Number(form.elements.connections.value),
  rounds: Number(form.elements.rounds.value),
});

dial.addEventListener("input", () => { wait.value = dial.value; });
wait.addEventListener("input", () => { dial.value = wait.value; });
// The stage shows who is to race, and its clicker starts that.
form.addEventListener("change", async () => say(await send("/lineup", chosen())));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say(await send("/race", chosen()));
});
find("stop").addEventListener("click", async () => say(await send("/race/stop")));
find("new-guesses").addEventListener("click", async () => say(await send("/guesses/new")));

async function move(direction) {
  // What is on this form is what starts, also where the stage was told something else by another console.
  if (direction === "forward" && scene === "closed") say(await send("/race", chosen()));
  else say(await step(direction, place));
}

find("forward").addEventListener("click", () => move("forward"));
find("back").addEventListener("click", () => move("back"));

function showState(state) {
  const racing = ["starting", "racing", "stopping"].includes(state.phase);
  ({ scene, place } = state.stage);
  document.body.dataset.phase = state.phase;
  document.body.dataset.scene = scene;
  for (const each of document.querySelectorAll(".scenes [data-scene]")) {
    each.toggleAttribute("aria-current", false);
    if (each.dataset.scene === scene) each.setAttribute("aria-current", "step");
  }
  find("forward").textContent = state.stage.forward ? `${state.stage.forward} →` : "Forward →";
  find("viewers").textContent = state.viewers === 1 ? "1 watching" : `${state.viewers} watching`;
  const count = state.guesses.count;
  find("guess-count").textContent =
    `${count === 1 ? "1 guess" : `${count} guesses`}. Guesses are ${state.guesses.open ? "open" : "closed"}.`;
  find("going").textContent = racing ? `${state.measuring} …` : "";
  const progress = find("progress");
  progress.hidden = !racing;
  progress.max = Math.max(1, state.trialsPlanned);
  progress.value = state.trials;
  const message = find("message");
  message.hidden = !state.message;
  message.textContent = state.message;
  find("report-link").hidden = !state.hasReport;
  find("start-button").disabled = racing;
  find("new-guesses").disabled = racing;
  find("forward").disabled = racing;
  find("back").disabled = racing;
  find("stop").disabled = !racing;
  speak(state);
}

follow({ state: showState }, (isThere) => {
  find("connection").textContent = isThere ? "Live." : "The connection is lost; trying again …";
});
