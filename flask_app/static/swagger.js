// Starts Swagger UI on the document that the page names, and keeps it as light or dark as the reader's system is.
(() => {
  "use strict";

  const element = document.getElementById("swagger-ui");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

  dark.addEventListener("change", follow);
  follow();

  const ui = window.SwaggerUIBundle({
    domNode: element,
    url: element.dataset.document,
    deepLinking: true,
    // The badge of a validator is an image on another host.
    validatorUrl: null,
    displayRequestDuration: true,
    defaultModelRendering: "model",
    tryItOutEnabled: true,
    onComplete: () => {
      // What the lesson is about is open from the start.
      const { tag, operation } = element.dataset;
      if (operation) ui.layoutActions.show(["operations", tag, operation], true);
    },
  });
})();
