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

{{- define "litellm-key-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "litellm-key-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
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
Annotations of an object whose definition comes with this chart. Helm looks every object of a release up before it makes the
first one; where the definitions are not there yet such an object can only be a hook. It looks like one of the release, so
that the next upgrade takes it in, and from then on it is one. A hook is never removed, so it is kept in both cases.
*/}}
{{- define "litellm-key-operator.ownKind" -}}
helm.sh/resource-policy: keep
{{- if and .Values.crds.enabled (not (.Capabilities.APIVersions.Has "llmkeys.io/v1alpha1")) }}
helm.sh/hook: post-install
helm.sh/hook-delete-policy: hook-failed
meta.helm.sh/release-name: {{ .Release.Name }}
meta.helm.sh/release-namespace: {{ .Release.Namespace }}
{{- end }}
{{- end }}
