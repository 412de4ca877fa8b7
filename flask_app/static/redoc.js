// Starts ReDoc on the document that the page names.
import { init } from "./redoc.standalone.js";

const element = document.getElementById("redoc");

// Its search would run in a worker that it makes from text, which the page's policy forbids. Where there are no workers
// it does not try, and searches on the page itself.
window.Worker = undefined;

// It would tell its makers what its readers click.
init(element.dataset.document, { disableTelemetry: true }, element);
