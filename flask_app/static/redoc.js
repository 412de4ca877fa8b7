// Starts ReDoc on the document that the page names.
import { init } from "./redoc.standalone.js";

const element = document.getElementById("redoc");

// ReDoc reports to its makers what its readers click; nothing leaves this host.
init(element.dataset.document, { disableTelemetry: true }, element);
