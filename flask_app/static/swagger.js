// Starts Swagger UI on the document that the page names, and keeps it as light or dark as the reader's system is.
(() => {
  "use strict";

  const element = document.getElementById("swagger-ui");
  const { document: url, tag, operation } = element.dataset;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

  dark.addEventListener("change", follow);
  follow();

  const ui = window.SwaggerUIBundle({
    domNode: element,
    url,
    deepLinking: true,
    // The badge of a validator is an image on another host.
    validatorUrl: null,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    onComplete: () => {
      // What a lesson is about is open from the start.
      if (operation) ui.layoutActions.show(["operations", tag, operation], true);
    },
  });
})();
