/* The live page's filter grid. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  rc.grid = rc.makeGrid({
    room: () => rc.byId("grid"),
    prefix: "cell",
    name: (layer) => ({
      title: `${layer.name}: ${layer.kind}, ${layer.filters} filters of ${layer.height} × ${layer.width}. Click for its clusters.`,
      label: `Clusters of ${layer.name}, ${layer.filters} filters`,
    }),
    choose: (index) => rc.openLayer(index),
    scale: (index) => rc.scaleOf(index),
    colours: () => rc.gridColours().css,
    built: (canvas) => {
      rc.featureMap.attach(canvas);
      rc.layerOdds.attach();
    },
    placed: () => rc.pointer.refresh(),
  });
})();
