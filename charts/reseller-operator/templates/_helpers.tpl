{{- define "reseller-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "reseller-operator.fullname" -}}
{{- $name := include "reseller-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Objects of the whole cluster: releases in two namespaces may have one name. */}}
{{- define "reseller-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "reseller-operator.fullname" .) }}
{{- end }}

{{- define "reseller-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "reseller-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "reseller-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "reseller-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "reseller-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "reseller-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.create is false: serviceAccount.name must name the ServiceAccount to use" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "reseller-operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default (printf "v%s" .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- /* Stops with a message when Google cannot be reached like this. */}}
{{- define "reseller-operator.check" -}}
{{- if not .Values.google.subject }}
{{- fail "google.subject is required: the administrator of your reseller domain to act as, such as admin@reseller.example" }}
{{- end }}
{{- if and .Values.credentials.existingSecret .Values.google.serviceAccount }}
{{- fail "set one of credentials.existingSecret (a key) and google.serviceAccount (without a key), not both" }}
{{- end }}
{{- if not (or .Values.credentials.existingSecret .Values.google.serviceAccount) }}
{{- fail "a credential is required: set credentials.existingSecret to the name of a Secret with a service-account key, or google.serviceAccount to the account to sign as without a key" }}
{{- end }}
{{- end }}

{{- /* What the operator does in the namespaces that it watches. */}}
{{- define "reseller-operator.rules" -}}
- apiGroups: [reseller-operator.dev]
  resources: [resellercustomers]
  verbs: [get, list, watch]
- apiGroups: [reseller-operator.dev]
  resources: [resellercustomers/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# By name, as the manifests name them: never listed.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
{{- end }}

{{- define "reseller-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "reseller-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
