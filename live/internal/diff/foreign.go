package diff

import "strings"

// Names inside <svg> and <math>. HTML ignores the case of letters; SVG and MathML do not, so the HTML parser gives the
// names of theirs that have capitals back to them (HTML standard, 13.2.6.1 and 13.2.6.5).

var svgTags = byLowerCase(`altGlyph altGlyphDef altGlyphItem animateColor animateMotion animateTransform clipPath
	feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
	feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode
	feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence foreignObject glyphRef
	linearGradient radialGradient textPath`)

var svgAttrs = byLowerCase(`attributeName attributeType baseFrequency baseProfile calcMode clipPathUnits diffuseConstant
	edgeMode filterUnits glyphRef gradientTransform gradientUnits kernelMatrix kernelUnitLength keyPoints keySplines
	keyTimes lengthAdjust limitingConeAngle markerHeight markerUnits markerWidth maskContentUnits maskUnits numOctaves
	pathLength patternContentUnits patternTransform patternUnits pointsAtX pointsAtY pointsAtZ preserveAlpha
	preserveAspectRatio primitiveUnits refX refY repeatCount repeatDur requiredExtensions requiredFeatures
	specularConstant specularExponent spreadMethod startOffset stdDeviation stitchTiles surfaceScale systemLanguage
	tableValues targetX targetY textLength viewBox viewTarget xChannelSelector yChannelSelector zoomAndPan`)

var mathAttrs = byLowerCase("definitionURL")

func byLowerCase(names string) map[string]string {
	m := make(map[string]string)
	for name := range strings.FieldsSeq(names) {
		m[strings.ToLower(name)] = name
	}
	return m
}

// appendAttrName appends the name an attribute has in the DOM when its element is in ns.
func appendAttrName(dst, name []byte, ns namespace) []byte {
	start := len(dst)
	dst = lowerTo(dst, name)
	adjusted := ""
	switch ns {
	case nsSVG:
		adjusted = svgAttrs[string(dst[start:])]
	case nsMath:
		adjusted = mathAttrs[string(dst[start:])]
	}
	// They differ in the case of letters alone.
	copy(dst[start:], adjusted)
	return dst
}

// tagName returns the name an element in ns has in the DOM.
func tagName(name []byte, ns namespace) string {
	s := string(lowerTo(nil, name))
	if adjusted, ok := svgTags[s]; ok && ns == nsSVG {
		return adjusted
	}
	return s
}

// splitForeignAttr returns the namespace and local name of an attribute in <svg> or <math>, as
// golang.org/x/net/html has them.
func splitForeignAttr(name string) (namespace, local string) {
	switch name {
	case "xlink:actuate", "xlink:arcrole", "xlink:href", "xlink:role", "xlink:show", "xlink:title", "xlink:type",
		"xml:lang", "xml:space", "xmlns:xlink":
		namespace, local, _ = strings.Cut(name, ":")
		return namespace, local
	}
	return "", name
}
