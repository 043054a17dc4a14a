/* Cells of the cluster table. */
(function () {
  "use strict";

  const functions = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

  /** A cluster's number with the colour that it has in the graph. */
  functions.ClusterName = function (props) {
    return React.createElement(
      "span",
      { className: "cluster-name" },
      React.createElement("span", { className: "swatch", style: { background: props.data.colour } }),
      props.value,
    );
  };
})();
