// Opens the page.

/** @param {string} packed the page's data */
async function main(packed) {
  const model = readModel(readData(await unpack(packed)));
  const panel = new Panel(model);
  const app = new App(model, byId("picture"), () => panel.changed());
  panel.begin(app);
  app.open(fromFragment(location.hash));
  listen(app, panel);
  window.addEventListener("hashchange", () => app.open(fromFragment(location.hash)));
  document.documentElement.dataset.state = "open";
  // For whoever looks into the page from outside: its tests, and the console.
  Object.assign(window, { timeline: app });
}

main(/** @type {string} */ (byId("data").textContent)).catch((error) => {
  byId("failure").textContent = `This page cannot be shown: ${error.message}`;
  byId("failure").hidden = false;
  document.documentElement.dataset.state = "failed";
});
