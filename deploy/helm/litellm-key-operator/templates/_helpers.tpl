{{- define "litellm-key-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 52 characters, so that what is put behind it still fits into a name. */}}
{{- define "litellm-key-operator.fullname" -}}
{{- $name := include "litellm-key-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "litellm-key-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "litellm-key-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Those that the Pods are selected by cannot be other ones. */}}
{{- define "litellm-key-operator.labels" -}}
{{- $selector := include "litellm-key-operator.selectorLabels" . | fromYaml }}
{{- $own := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/part-of" .Chart.Name }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (merge $selector .Values.commonLabels $own) }}
{{- end }}

{{- define "litellm-key-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "litellm-key-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "litellm-key-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Namespaces to look after, as JSON; none means all. The Connection that the release makes has to be among them. */}}
{{- define "litellm-key-operator.namespaces" -}}
{{- $namespaces := .Values.watch.namespaces }}
{{- if and $namespaces .Values.connection.url }}
{{- $namespaces = append $namespaces .Release.Namespace }}
{{- end }}
{{- $namespaces | uniq | sortAlpha | toJson }}
{{- end }}

{{/*
An object of a kind that this chart defines, given as {object, root}.

Helm looks every object of a release up before it makes the first one, so while the definitions are not there it can only be
made as a hook, after them. It then looks like one of the release, and the next upgrade takes it in. But Helm takes in what
is there as it is: where that is something else than what is wanted, a hook replaces it first. What was made as a hook stays
when the release goes, so every such object does.
*/}}
{{- define "litellm-key-operator.ownKind" -}}
{{- $known := .root.Capabilities.APIVersions.Has .object.apiVersion }}
{{- $annotations := merge (dict "helm.sh/resource-policy" "keep") (default dict .object.metadata.annotations) }}
{{- $_ := set .object.metadata "annotations" $annotations }}
{{- if or $known (not .root.Values.crds.enabled) }}
---
{{ toYaml .object }}
{{- end }}
{{- $hook := ternary "" "post-install" (or $known (not .root.Values.crds.enabled)) }}
{{- if $known }}
{{- $metadata := .object.metadata }}
{{- $there := lookup .object.apiVersion .object.kind (default .root.Release.Namespace $metadata.namespace) $metadata.name }}
{{- if $there }}
{{- $taken := or .root.Release.IsInstall (hasKey (default dict $there.metadata.annotations) "helm.sh/hook") }}
{{- if and $taken (ne (toJson $there.spec) (toJson (mergeOverwrite (deepCopy $there.spec) .object.spec))) }}
{{- $hook = "pre-install,pre-upgrade" }}
{{- end }}
{{- end }}
{{- end }}
{{- with $hook }}
{{- $release := dict "meta.helm.sh/release-name" $.root.Release.Name "meta.helm.sh/release-namespace" $.root.Release.Namespace }}
{{- $manager := dict "app.kubernetes.io/managed-by" $.root.Release.Service }}
{{- $hooked := dict "helm.sh/hook" . "helm.sh/hook-delete-policy" "before-hook-creation" }}
{{- $object := deepCopy $.object }}
{{- $_ := set $object.metadata "annotations" (merge $hooked $release $annotations) }}
{{- $_ := set $object.metadata "labels" (merge $manager (default dict $object.metadata.labels)) }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
