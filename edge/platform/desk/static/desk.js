// Draws the map and the chart of the filters in the address. The page says the same in tables without it.
"use strict";
(async () => {
  const box = document.getElementById("map");
  if (!box) return;
  const chart = document.getElementById("chart");
  const openTable = () => {
    chart.hidden = true;
    chart.parentNode.querySelector("details").open = true;
  };
  // What the desk refuses comes as a page, which is no JSON.
  const told = await fetch(box.dataset.from + location.search).then((answer) => answer.json()).catch(() => null);
  if (!told) {
    box.textContent = box.dataset.away;
    return openTable();
  }
  const style = getComputedStyle(document.body);
  const colour = (name) => `var(--${name})`; // of a shape, which follows from screen to paper
  const ink = (name) => () => style.getPropertyValue(`--${name}`).trim(); // of a canvas, asked at each drawing
  const language = document.documentElement.lang;

  const map = L.map(box, { attributionControl: false, zoomControl: false, zoomSnap: 0.1 });
  L.control.zoom({ zoomInTitle: box.dataset.zoomIn, zoomOutTitle: box.dataset.zoomOut }).addTo(map);
  const border = { color: colour("edge"), weight: 1, fill: false, interactive: false };
  const shapes = told.outlines.map((ring) => L.polygon(ring, border).addTo(map));
  const [large, small] = [{ maximumFractionDigits: 1 }, { maximumSignificantDigits: 2 }].map((digits) => new Intl.NumberFormat(language, digits));
  const figure = (value) => (value < 1 ? small : large).format(value) + box.dataset.sign; // a mean of 0.04 is no zero
  const most = Math.max(1, ...told.places.map((place) => place[3] || 0));
  const largest = Math.min(24, Math.max(5, 24 * Math.sqrt(50 / told.places.length))); // or those of a province are one blob
  const least = Math.max(2, largest / 4);
  const dots = [];
  for (const [name, latitude, longitude, value, isReached] of told.places) {
    const look = value === null
      ? { radius: least, color: colour("soft"), fillOpacity: 0, dashArray: "3 3" }
      : value === 0 && !isReached
        ? { radius: least / 2, color: colour("green"), fillOpacity: 1 } // smaller than any that was seen: colours look alike to many
        : { radius: Math.max(least, largest * Math.sqrt(value / most)), color: colour(isReached ? "red" : "seen"), fillOpacity: isReached ? 0.8 : 0.3 };
    const text = document.createElement("span");
    text.textContent = `${name}: ${value === null ? box.dataset.noData : figure(value)}`;
    dots.push(L.circleMarker([latitude, longitude], { weight: Math.min(2, largest / 5), ...look }).bindTooltip(text).addTo(map));
  }
  shapes.push(...dots);
  if (dots.length) map.on("click", ({ layerPoint, originalEvent }) => { // of the dot that was hit, else of the nearest: a finger is larger than one
    const away = (dot) => layerPoint.distanceTo(map.latLngToLayerPoint(dot.getLatLng()));
    const hit = dots.find((dot) => dot.getElement() === originalEvent.target);
    const nearest = hit || dots.reduce((one, other) => (away(other) < away(one) ? other : one));
    for (const dot of dots) dot.closeTooltip();
    if (hit || away(nearest) <= 24) nearest.openTooltip();
  });
  const room = { paddingTopLeft: [44 + largest, largest], paddingBottomRight: [largest, 30 + largest] }; // buttons and scale
  if (shapes.length) map.fitBounds(L.featureGroup(shapes).getBounds(), { ...room, maxZoom: 14 });
  for (const dot of box.querySelectorAll("path")) dot.setAttribute("tabindex", "-1"); // the table names them
  L.control.scale({ imperial: false }).addTo(map);

  if (!told.nights.length) return;
  if (!window.uPlot) return openTable(); // an engine from before 2020 cannot read it
  const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" });
  const shown = (plot, value) => (value === null || value === undefined ? "–" : figure(value));
  const seconds = told.nights.map((night) => Date.parse(night[0]) / 1000);
  const series = [
    { label: chart.dataset.night, value: (plot, at) => (at === null || at === undefined ? "–" : day.format(at * 1000)) },
    { label: chart.dataset.each, stroke: ink("green"), width: 0, value: shown, points: { show: true, size: 7, fill: ink("green") } },
    { label: chart.dataset.mean, stroke: ink("ink"), width: 2, value: shown, points: { show: false } },
  ];
  const drawn = [seconds, told.nights.map((night) => night[1]), told.nights.map((night) => night[2])];
  if (told.threshold !== null) {
    series.push({ label: chart.dataset.threshold, stroke: ink("red"), width: 1.5, dash: [5, 3], value: () => figure(told.threshold), points: { show: false } });
    drawn.push(seconds.map(() => told.threshold));
  }
  const axis = { stroke: ink("ink"), grid: { stroke: ink("line") }, ticks: { stroke: ink("line") } };
  const axes = [
    { ...axis, space: 70, incrs: [1, 2, 7, 14, 28].map((days) => days * 86400), values: (plot, at) => at.map((one) => day.format(one * 1000)) },
    { ...axis, values: (plot, at) => at.map((one) => figure(one)) },
  ];
  const size = () => ({ width: chart.clientWidth, height: 320 });
  const plot = new uPlot(
    { ...size(), tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"), series, axes, scales: { y: { range: [0, null] } } },
    drawn, chart);
  addEventListener("resize", () => plot.setSize(size()));
  for (const [moment, onPaper] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(moment, () => { // the canvas still has the screen's colours, white on dark
      document.documentElement.classList.toggle("paper", onPaper);
      plot.redraw();
    });
  }
  document.body.dataset.drawn = "yes";
})();
