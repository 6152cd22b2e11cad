// Draws the map and the chart of the filters in the address. The page says the same in tables without it.
"use strict";
(async () => {
  const box = document.getElementById("map");
  if (!box) return;
  const answer = await fetch(box.dataset.from + location.search);
  if (!answer.ok) return;
  const told = await answer.json();

  const map = L.map(box, { attributionControl: false, keyboard: true });
  const border = { color: "#7b877d", weight: 1, fill: false, interactive: false };
  const shapes = told.outlines.map((ring) => L.polygon(ring, border).addTo(map));
  const most = Math.max(1, ...told.places.map((place) => place[3] ?? 0));
  for (const [name, latitude, longitude, count] of told.places) {
    const style = count === null
      ? { radius: 6, color: "#5b665d", fillOpacity: 0, dashArray: "3 3" }
      : count === 0
        ? { radius: 6, color: "#1b5e2f", fillOpacity: 0.7 }
        : { radius: Math.max(6, 24 * Math.sqrt(count / most)), color: "#b3261e", fillOpacity: 0.5 };
    const text = document.createElement("span");
    text.textContent = `${name}: ${count === null ? "no data" : count}`;
    shapes.push(L.circleMarker([latitude, longitude], { weight: 2, ...style }).bindTooltip(text).addTo(map));
  }
  if (shapes.length) map.fitBounds(L.featureGroup(shapes).getBounds().pad(0.1), { maxZoom: 14 });
  L.control.scale({ imperial: false }).addTo(map);

  const chart = document.getElementById("chart");
  if (!told.nights.length) return;
  const seconds = told.nights.map((night) => Date.parse(night[0]) / 1000);
  const series = [
    {},
    { label: "each night", stroke: "#2e7d4f", width: 0, points: { show: true, size: 7, fill: "#2e7d4f" } },
    { label: "mean of seven", stroke: "#b3261e", width: 2, points: { show: false } },
  ];
  const size = () => ({ width: chart.clientWidth, height: 320 });
  const plot = new uPlot(
    { ...size(), tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"), series, scales: { y: { range: [0, null] } } },
    [seconds, told.nights.map((night) => night[1]), told.nights.map((night) => night[2])], chart);
  addEventListener("resize", () => plot.setSize(size()));
  document.body.dataset.drawn = "yes";
})();
